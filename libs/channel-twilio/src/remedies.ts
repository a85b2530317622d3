import type { Remedy } from '#core';

type Row = readonly [text: string, codes: number | readonly number[]];

/** What an agent can do about a message that failed with one of these codes. */
const BY_AGENTS: readonly Row[] = [
  ['Send a smaller file, or a link to it.', [11751, 30019, 63034]],
  ['Write again in a minute.', 14107],
  [
    'Try again later.',
    [20429, 20500, 20503, 21611, 30001, 30017, 30022, 30500, 63009, 63010, 63012, 63017, 63018, 63023],
  ],
  ['Look for another number of the customer.', [21211, 30005, 63024]],
  ['Ask the customer, by other means, to text START to our number.', [21610, 30630]],
  ['Call them, or write to them elsewhere.', [21612, 30004, 63014]],
  ['Call them instead.', [21614, 21635, 30006]],
  ['Send it in shorter pieces.', 21617],
  ['Write something, or attach a file.', 21619],
  ['Attach the file again.', 21620],
  ['Send the files one by one.', 21623],
  ['Choose another template.', [21654, 21655]],
  ['Check what was filled into the template.', 21656],
  ['Try again later, or call.', [30003, 30008]],
  ['Reword it, and leave out links.', 30007],
  ['Ask the customer to send it again.', 30009],
  ['Send a link to the file instead.', 30011],
  ['Try again tomorrow, or call.', [30023, 30027, 63038]],
  ['Send it again if it still matters.', 30036],
  ['Reword it without digits that look like a code.', 30038],
  ['Wait a few minutes, then write something else.', 30039],
  ['Ask the customer whether it arrived before you send it again.', [30046, 30410]],
  ['Write to them by text message, or call.', [63003, 63032]],
  ['Reword it, or send it in another form.', 63005],
  ['Reword it.', [63013, 63026]],
  ['Ask the customer to join the sandbox again.', 63015],
  ['Send a template, or wait for the customer to write.', 63016],
  ['Send the file again, or a link to it.', [63019, 63025, 63037]],
  ['Send it in another form.', [63021, 63030]],
  ['Ask the customer, by other means, to write to us first.', [63033, 63050]],
  ['Send it another day, or by text message.', 63049],
  ['Try again in ten minutes.', 63053],
];

/** What has to be repaired in settings or accounts, which is none of an agent's business. */
const BY_OPERATORS: readonly Row[] = [
  ['Make PUBLIC_BASE_URL reachable from the internet.', [11200, 11203, 11205, 11220]],
  ['Use a certificate of a public authority for PUBLIC_BASE_URL.', [11235, 11236, 11237]],
  ['See that nothing between Twilio and PUBLIC_BASE_URL changes answers.', [11770, 12100, 12300]],
  ['Correct the credentials of the Twilio account.', 20003],
  ['Ask Twilio to activate the account.', 20005],
  ['Check the account and the number in Twilio.', 20404],
  ['Use a number that this Twilio account owns and may send from.', [21212, 21606]],
  ['Check the number and its Messaging Service.', 21603],
  ["Enable the region in Twilio's geographic permissions.", 21408],
  ['Upgrade the Twilio account.', 21608],
  ['Correct PUBLIC_BASE_URL.', 21609],
  ['Add a sender to the Messaging Service.', 21703],
  ['Ask Twilio why the account is suspended.', 30002],
  ['Wait until Twilio has set the number up.', [30024, 30035]],
  ['Register the number or its campaign at Twilio.', [30032, 30033, 30034]],
  ['Ask Twilio to enable sending.', 30037],
  ['Register the sender id at Twilio.', [30040, 30041, 30042]],
  ['Ask Twilio to lift the restriction.', [30450, 30451, 30452, 30453, 30454]],
  ['Connect the sender again in Twilio.', 63001],
  ['Register the number as a sender of the channel in Twilio.', 63007],
  ['Check the sender in Twilio.', 63008],
  ['Complete the business account at Meta.', [63020, 63022]],
  ['Correct the template in Twilio.', [63027, 63028, 63054]],
  ['Have the template approved again.', [63040, 63041, 63042]],
  ['Ask Twilio to have the sender unlocked.', 63051],
  ['Use another channel for this country.', 63058],
  ['Connect the number again in Twilio.', 63059],
];

/** By Twilio's code; a code without one leaves nothing to do. */
export const REMEDIES: ReadonlyMap<number, Remedy> = new Map([
  ...remedies(BY_AGENTS, 'agent'),
  ...remedies(BY_OPERATORS, 'operator'),
]);

function remedies(rows: readonly Row[], by: Remedy['by']): [number, Remedy][] {
  return rows.flatMap(([text, codes]) =>
    [codes].flat().map((code): [number, Remedy] => [code, { text, by }]),
  );
}

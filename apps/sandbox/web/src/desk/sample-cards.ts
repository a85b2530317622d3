/** Cards as agents' tools make them, one of each kind that the bridge reads in its own way. */
const QUICK_REPLIES = 'application/8x8.quick.replies';
const ADAPTIVE = 'application/vnd.microsoft.card.adaptive';

export function quickReplies(titles: string[]) {
  const options = titles.map((title) => ({ title, data: { postback: title.toLowerCase() } }));
  return { contentType: QUICK_REPLIES, content: { options } };
}

const SLOTS = ['Monday morning', 'Monday evening', 'Tuesday morning', 'Tuesday evening', 'Saturday'];

export const LIST = {
  contentType: 'Interactive',
  content: {
    type: 'list',
    body: { text: 'When shall we deliver?' },
    action: {
      button: 'Choose a time',
      sections: [{ rows: SLOTS.map((title, index) => ({ id: `slot-${index + 1}`, title })) }],
    },
  },
};

export const ADAPTIVE_CARD = {
  contentType: ADAPTIVE,
  content: {
    type: 'AdaptiveCard',
    version: '1.5',
    body: [
      { type: 'TextBlock', text: 'How was our service today?', weight: 'Bolder' },
      { type: 'TextBlock', text: 'Your answer helps the whole team.' },
    ],
    actions: ['Very good', 'Good', 'Could be better'].map((title, index) => ({
      type: 'Action.Submit',
      title,
      data: { rating: 3 - index },
    })),
  },
};

export const LOCATION = {
  contentType: 'Location',
  content: {
    latitude: 47.3769,
    longitude: 8.5417,
    name: 'Our shop',
    address: 'Bahnhofplatz 1, 8001 Zürich',
  },
};

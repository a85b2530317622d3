import type { ChatGatewaySimulator } from '../chat-gateway/simulator.js';
import { ControlError } from '../common/control.js';
import { isWhatsApp } from '../twilio/messages.js';
import type { TwilioSimulator } from '../twilio/simulator.js';
import { AgentDesk } from './agent-desk.js';
import { Bridge } from './bridge.js';
import { ContactCentre } from './contact-centre.js';
import { linkArrivals, linkBubbles, linkByAttempt, linkByProviderId } from './links.js';
import type { Machine } from './machine.js';
import { OperatorApi } from './operator-api.js';
import { Phones } from './phones.js';
import { ProviderSwitches } from './provider-switches.js';
import type {
  BridgeLink,
  DeskMessageView,
  PhoneMessage,
  SandboxState,
  Section,
  Setup,
  StormState,
} from './state.js';
import { Storm, type StormOptions, type StormWorld } from './storm/storm.js';
import { isOfStorm, isStormText } from './storm/traffic.js';

export interface SandboxSettings {
  /** Where the gateway is: its operator API, and the links that people open. */
  gatewayUrl: string;
  /** Undefined: the bridge cannot be looked into. */
  adminApiKey: string | undefined;
}

/** The page's whole world: phones, desk, bridge, switches and storms, over two simulators and the launcher. */
export class Sandbox {
  readonly phones: Phones;
  readonly desk: AgentDesk;
  readonly centre: ContactCentre;
  readonly bridge: Bridge;
  readonly switches: Record<'twilio' | 'chat-gateway', ProviderSwitches>;
  #storm: Storm | undefined;
  readonly #setup: Setup;

  constructor(
    settings: SandboxSettings,
    private readonly twilio: TwilioSimulator,
    private readonly chatGateway: ChatGatewaySimulator,
    readonly machine: Machine,
  ) {
    const { gatewayUrl, adminApiKey } = settings;
    this.phones = new Phones(twilio, isOfStorm);
    this.desk = new AgentDesk(chatGateway, isOfStorm);
    this.centre = new ContactCentre(chatGateway);
    this.bridge = new Bridge(new OperatorApi(gatewayUrl, adminApiKey), isStormText);
    this.switches = {
      twilio: new ProviderSwitches(twilio),
      'chat-gateway': new ProviderSwitches(chatGateway),
    };
    this.#setup = {
      startedAt: new Date().toISOString(),
      links: { gateway: gatewayUrl, twilio: twilio.url, chatGateway: chatGateway.url },
      businessNumbers: twilio.numbers.map((address) => ({
        address,
        channel: isWhatsApp(address) ? 'whatsapp' : 'sms',
      })),
    };
  }

  /** Reads what the bridge says now. */
  async refresh(): Promise<void> {
    await this.bridge.refresh(this.phones.addresses);
  }

  /** One section, or all, as they are by now. */
  section(name: Section): SandboxState[Section] {
    switch (name) {
      case 'setup':
        return this.#setup;
      case 'phones':
        return this.phones.show((address, messages) => this.#linkPhone(address, messages));
      case 'desk':
        return this.desk.show(
          (id, messages) => this.#linkConversation(id, messages),
          this.bridge.conversations(),
        );
      case 'centre':
        return this.centre.show();
      case 'bridge':
        return this.bridge.state;
      case 'providers':
        return { twilio: this.switches.twilio.state, 'chat-gateway': this.switches['chat-gateway'].state };
      case 'machine':
        return this.machine.state;
      case 'storm':
        return this.#storm?.state ?? null;
    }
  }

  /** @throws ControlError when one is running */
  startStorm(options: StormOptions): StormState {
    if (this.#storm?.running) throw new ControlError(409, 'A storm is running: stop it first.');
    const storm = new Storm(options, {
      simulators: { twilio: this.twilio, 'chat-gateway': this.chatGateway },
      switches: this.switches,
      machine: this.machine,
      ...this.#bridgeForStorm(),
    });
    this.#storm = storm;
    void storm.run();
    return storm.state;
  }

  /** @throws ControlError when there was none */
  stopStorm(): StormState {
    if (this.#storm === undefined) throw new ControlError(404, 'There is no storm.');
    this.#storm.stop();
    return this.#storm.state;
  }

  /** Whether somebody must read the bridge although nobody watches. */
  get busy(): boolean {
    return this.#storm?.running === true;
  }

  #bridgeForStorm(): Pick<StormWorld, 'look' | 'seen'> {
    const { bridge } = this;
    return {
      look: async () => {
        // The first may have begun before.
        await this.refresh();
        await this.refresh();
        return bridge.state.trouble === undefined ? bridge.messages : undefined;
      },
      seen: () => bridge.messages,
    };
  }

  #linkPhone(address: string, messages: readonly PhoneMessage[]): Map<string, BridgeLink> {
    const theirs = this.bridge.messages.filter((message) => message.address === address);
    const written = messages.filter(({ author, status }) => author === 'customer' && status === 'accepted');
    const inbound = theirs.filter(({ direction }) => direction === 'inbound');
    const received = messages.filter(({ author }) => author === 'business');
    return new Map([...linkBubbles(written, inbound), ...linkByProviderId(received, this.bridge.messages)]);
  }

  #linkConversation(id: string, messages: readonly DeskMessageView[]): Map<string, BridgeLink> {
    const own = this.bridge.messages.filter(({ conversation }) => conversation?.chatGatewayId === id);
    const of = (author: DeskMessageView['author']): DeskMessageView[] =>
      messages.filter((message) => message.author === author && !message.history);
    const inbound = own.filter(({ direction }) => direction === 'inbound');
    const outbound = own.filter(({ direction }) => direction === 'outbound');
    const arrived = linkArrivals(
      of('customer'),
      inbound.filter(({ text }) => text !== ''),
    );
    const others = of('customer').filter((message) => !arrived.has(message.id));
    return new Map([...linkByAttempt(others, inbound), ...arrived, ...linkBubbles(of('agent'), outbound)]);
  }
}

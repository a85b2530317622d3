import type { ProviderId } from '../../../src/page/state.js';
import { useLive } from '../live-state.js';
import { ProviderCard } from './ProviderCard.js';
import styles from './Providers.module.css';

const PROVIDERS: readonly ProviderId[] = ['twilio', 'chat-gateway'];

export function Providers() {
  const providers = useLive('providers');
  return (
    <div className={styles.providers}>
      {PROVIDERS.map((id) => (
        <ProviderCard key={id} id={id} state={providers[id]} />
      ))}
    </div>
  );
}

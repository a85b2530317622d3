import { useConnection, useLoaded } from './live-state.js';
import { Columns } from './shell/Columns.js';
import { Header } from './shell/Header.js';
import { SkipLinks } from './shell/SkipLinks.js';
import { useShortcuts } from './shell/shortcuts.js';
import styles from './App.module.css';

/** The page: once everything has arrived, it shows whatever its address says. */
export function App() {
  const loaded = useLoaded();
  return <div className={styles.page}>{loaded ? <Page /> : <Loading />}</div>;
}

function Page() {
  useShortcuts();
  return (
    <>
      <SkipLinks />
      <Header />
      <Outage />
      <Columns />
    </>
  );
}

function Outage() {
  const connection = useConnection();
  return (
    <div role="alert">
      {connection === 'lost' && (
        <p className={styles.outage}>
          The sandbox does not answer. What is shown may be out of date; the page connects again by itself.
        </p>
      )}
    </div>
  );
}

function Loading() {
  const lost = useConnection() === 'lost';
  return (
    <main className={styles.loading}>
      <h1>Causeway</h1>
      <p role="status">
        {lost ? 'The sandbox does not answer. Is it running? The page tries again by itself.' : 'Connecting…'}
      </p>
    </main>
  );
}

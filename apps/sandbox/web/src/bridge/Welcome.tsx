import styles from './Bridge.module.css';

/** What to do first; it stands where the messages will be. */
export function Welcome() {
  return (
    <div className={styles.welcome}>
      <p className={styles.title}>Nothing has crossed the bridge yet. Try it:</p>
      <ol>
        <li>
          <strong>Text as a customer.</strong> Write on a phone and press Enter; here you see each step
          Causeway takes with it.
        </li>
        <li>
          <strong>Answer as an agent.</strong> The customer waits at the agent desk: accept, and reply.
        </li>
        <li>
          <strong>Break something.</strong> Set a provider to “Gone”, kill the worker or start a storm, and
          see that nothing gets lost.
        </li>
      </ol>
    </div>
  );
}

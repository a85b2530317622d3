import type { BridgeAttempt } from '../../../src/page/state.js';
import { Time } from '../time.js';
import { Badge } from './Badge.js';
import { durationOf, outcomeTone } from './words.js';
import styles from './Attempts.module.css';

/** Each call to the provider that was made for a message. */
export function Attempts({ attempts, parts }: { attempts: BridgeAttempt[]; parts: number }) {
  if (attempts.length === 0) return <p className={styles.none}>Nothing has been sent yet.</p>;
  const toBot = attempts.some(({ destination }) => destination === 'bot');
  return (
    <table className={styles.attempts}>
      <caption>Attempts</caption>
      <thead>
        <tr>
          {parts > 1 && <th scope="col">Part</th>}
          {toBot && <th scope="col">To</th>}
          <th scope="col">Began</th>
          <th scope="col">Took</th>
          <th scope="col">HTTP</th>
          <th scope="col">Outcome</th>
          <th scope="col">Provider’s id</th>
        </tr>
      </thead>
      <tbody>
        {attempts.map((attempt) => (
          <tr key={attempt.id}>
            {parts > 1 && (
              <td>
                {attempt.part} of {parts}
              </td>
            )}
            {toBot && <td>{attempt.destination ?? 'desk'}</td>}
            <td>
              <Time at={attempt.startedAt} />
            </td>
            <td>{durationOf(attempt) ?? 'runs'}</td>
            <td>{attempt.httpStatus ?? '–'}</td>
            <td>
              <Badge tone={outcomeTone(attempt.outcome)}>{attempt.outcome}</Badge>
              {attempt.errorClass && attempt.errorClass !== attempt.outcome && (
                <p className={styles.error}>{attempt.errorClass}</p>
              )}
            </td>
            <td className={styles.id}>{attempt.providerId ?? '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

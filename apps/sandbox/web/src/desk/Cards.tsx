import type { CardView } from '../../../src/page/state.js';
import { Place } from '../common/Things.js';
import styles from './Cards.module.css';

/** Cards as the agent sees them in their tool: nothing on them is pressed here. */
export function Cards({ cards }: { cards: CardView[] }) {
  return cards.map((card, index) => <Card key={index} card={card} />);
}

function Card({ card: { contentType, lines, options, location, chosen } }: { card: CardView }) {
  return (
    <div className={styles.card}>
      {lines.length > 0 && (
        <div className={styles.lines}>
          {lines.map((line, index) => (
            <p key={index}>{line}</p>
          ))}
        </div>
      )}
      {location && <Place location={location} />}
      {options.length > 0 && (
        <ul className={styles.options} aria-label="Choices">
          {options.map(({ title, description }, index) => (
            <li key={index}>
              {title}
              {description && <span> {description}</span>}
            </li>
          ))}
        </ul>
      )}
      {chosen !== undefined && <p className={styles.chosen}>Chosen: {chosen}</p>}
      {lines.length + options.length === 0 && !location && (
        <p>A card ({contentType || 'of no known kind'})</p>
      )}
    </div>
  );
}

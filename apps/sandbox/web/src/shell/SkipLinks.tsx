import { PLACES, useGoTo, type Place } from './places.js';
import styles from './Shell.module.css';

const LINKS: { place: Place; label: string }[] = [
  { place: 'phone', label: 'Skip to phone' },
  { place: 'bridge', label: 'Skip to bridge' },
  { place: 'desk', label: 'Skip to agent desk' },
];

/** The first stops of the Tab key; seen only while one of them has the focus. */
export function SkipLinks() {
  const goTo = useGoTo();
  return (
    <nav aria-label="Skip links" className={styles.skip}>
      {LINKS.map(({ place, label }) => (
        <a
          key={place}
          href={`#${PLACES[place].targets.at(-1)}`}
          onClick={(event) => {
            event.preventDefault();
            goTo(place);
          }}
        >
          {label}
        </a>
      ))}
    </nav>
  );
}

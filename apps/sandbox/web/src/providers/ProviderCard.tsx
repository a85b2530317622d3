import { Button, Checkbox, NativeSelect } from '@mantine/core';
import { memo } from 'react';
import { PROVIDER_MODES, type ProviderId, type ProviderState } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { effectOf, MODE_NAMES, PROVIDER_NAMES } from './modes.js';
import styles from './Providers.module.css';

const MODES = PROVIDER_MODES.map((mode) => ({ value: mode, label: MODE_NAMES[mode] }));

/** A provider's health, and the switches that spoil it. */
export const ProviderCard = memo(function ProviderCard({
  id,
  state,
}: {
  id: ProviderId;
  state: ProviderState;
}) {
  const name = PROVIDER_NAMES[id];
  const normal = state.mode === 'normal' && !state.doubled && !state.shuffled;
  const change = (to: Partial<ProviderState>) => void attempt(api.changeProvider(id, to));

  return (
    <section className={styles.card} aria-label={name} data-mode={normal ? 'normal' : 'troubled'}>
      <div className={styles.head}>
        <h3>{name}</h3>
        {!normal && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`${name} back to normal`}
            onClick={() => change({ mode: 'normal', doubled: false, shuffled: false })}
          >
            Back to normal
          </Button>
        )}
      </div>
      <NativeSelect
        aria-label={`How ${name} behaves`}
        size="xs"
        data={MODES}
        value={state.mode}
        onChange={(event) => {
          const mode = PROVIDER_MODES.find((known) => known === event.target.value);
          if (mode) change({ mode });
        }}
      />
      <p className={styles.effect}>
        {effectOf(state)}
        {state.mode !== 'normal' && state.faultsHit > 0 && (
          <span className={styles.hits}>
            {' '}
            · {state.faultsHit} {state.faultsHit === 1 ? 'call' : 'calls'} hit
          </span>
        )}
      </p>
      <div className={styles.webhooks} role="group" aria-label={`Webhooks of ${name}`}>
        <Checkbox
          size="xs"
          label="Webhooks twice"
          checked={state.doubled}
          onChange={(event) => change({ doubled: event.currentTarget.checked })}
        />
        <Checkbox
          size="xs"
          label="Out of order"
          aria-label="Webhooks out of order"
          checked={state.shuffled}
          onChange={(event) => change({ shuffled: event.currentTarget.checked })}
        />
      </div>
    </section>
  );
});

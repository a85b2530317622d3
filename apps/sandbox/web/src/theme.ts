import { createTheme, type CSSVariablesResolver } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'causeway',
  primaryShade: { light: 8, dark: 7 },
  colors: {
    causeway: [
      '#e9f6f4',
      '#d3ebe8',
      '#a5d8d2',
      '#73c3ba',
      '#49b0a5',
      '#2a9a8f',
      '#178379',
      '#0e736d',
      '#0b5f5b',
      '#084a47',
    ],
    dark: [
      '#dfe8e6',
      '#bccac7',
      '#93a4a0',
      '#6b7d79',
      '#40504d',
      '#2a3735',
      '#1c2625',
      '#151d1c',
      '#101716',
      '#0b1110',
    ],
  },
  fontFamily:
    "Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif",
  fontFamilyMonospace: 'var(--mono)',
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
});

/** Mantine's own colours, where the page's palette has better ones. */
export const variables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--surface)',
    '--mantine-color-text': 'var(--ink)',
    '--mantine-color-bright': 'var(--ink)',
    '--mantine-color-dimmed': 'var(--ink-soft)',
    '--mantine-color-placeholder': 'var(--ink-soft)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-color': 'var(--ink)',
    '--mantine-color-default-border': 'var(--line)',
    '--mantine-color-default-hover': 'var(--accent-soft)',
    '--mantine-color-causeway-light': 'var(--accent-soft)',
    '--mantine-color-causeway-light-color': 'var(--accent)',
    '--mantine-color-causeway-text': 'var(--accent)',
  };
  // Mantine's grey of secondary text is too faint on white.
  return { variables: {}, light: { ...shared, '--mantine-color-gray-6': 'var(--ink-soft)' }, dark: shared };
};

import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import './mantine.css';
import './palette.css';
import { App } from './App.js';
import { follow } from './live-state.js';
import { useView } from './location.js';
import { theme, variables } from './theme.js';

/** The theme of the page's address wins over the one that was chosen here before. */
function Themed({ children }: { children: ReactNode }) {
  const { theme: forced } = useView();
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      {...(forced && { forceColorScheme: forced })}
    >
      {children}
    </MantineProvider>
  );
}

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');

follow();
createRoot(root).render(
  <StrictMode>
    <Themed>
      <Notifications position="bottom-center" limit={3} />
      <App />
    </Themed>
  </StrictMode>,
);

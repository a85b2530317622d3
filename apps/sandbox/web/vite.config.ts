import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Browsers that know light-dark(). */
const target = ['chrome123', 'firefox120', 'safari17.5'];

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../../../dist/apps/sandbox/web',
    emptyOutDir: true,
    target,
    cssTarget: target,
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/api': 'http://localhost:4000' } },
});

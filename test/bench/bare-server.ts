import { servePlainly } from './plain-server.js';

// The floor: what HTTP and the HMAC cost alone. Nothing is stored.
servePlainly(() => undefined);

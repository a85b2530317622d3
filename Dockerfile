# One image for migrate, gateway and worker: the command decides. docker-compose.yml shows how each is run.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

# Node comes with the base image, and embedded Postgres, an optional package, is for `npm start` only. No package left
# needs an install script.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
# Every program listens on the same port here, so that one health check fits them all.
ENV NODE_ENV=production PORT=3000
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
# Neither the launcher nor the sandbox: they run embedded Postgres and simulated providers.
COPY --from=build /app/dist/libs dist/libs
COPY --from=build /app/dist/apps/migrate dist/apps/migrate
COPY --from=build /app/dist/apps/gateway dist/apps/gateway
COPY --from=build /app/dist/apps/worker dist/apps/worker
# Of the user that runs it: a volume mounted there takes that over.
RUN install -d -o node -g node -m 700 media
USER node
EXPOSE 3000
# Live, not ready: who replaces unhealthy containers must not do so because Postgres is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/live').then(({ ok }) => process.exit(ok ? 0 : 1))"]
CMD ["node", "dist/apps/gateway/src/main.js"]

# syntax=docker/dockerfile:1
# The relay as a container of its own. Build it from the folder functions/:
#   docker build -f deploy/relay.Dockerfile -t IMAGE .

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
# Not `npm run build`, which also builds the operations room's page.
RUN node_modules/.bin/tsc -p tsconfig.build.json

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY --from=build /app/lib lib
USER node
# Node itself is the first process, not npm or a shell: SIGTERM reaches the relay, which saves its checkpoint and gives back its lease
# within the ten seconds that Cloud Run leaves it.
CMD ["node", "lib/cli/relay.js", "--max-lag", "600"]

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { OperatorApiModule } from './operator-api.module.js';

const DESCRIPTION = `What operators see and do. Every request carries \`Authorization: Bearer <ADMIN_API_KEY>\`.

Errors are problems (RFC 9457). Lists answer \`{items, nextCursor}\`; give \`nextCursor\` as \`cursor\` for the next page,
with a \`limit\` from 1 to 200. Times are ISO 8601 in UTC with milliseconds. What is not there is absent, never null
(save \`nextCursor\`). Write the plus of a phone number in a query as \`%2B\`.`;

/**
 * Serves the document at `/api/openapi.json` and a page for reading and trying it at `/api/docs`, whose scripts come
 * from here and not from elsewhere. Both are open: they tell nothing that this project's sources do not. Call before `listen`.
 */
export function mountOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup('api/docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'Causeway: operator API',
    swaggerOptions: { persistAuthorization: true, validatorUrl: 'none' },
  });
}

export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Causeway: operator API')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'ADMIN_API_KEY' })
    .build();
  return SwaggerModule.createDocument(app, config, {
    include: [OperatorApiModule],
    operationIdFactory: (controller, method) =>
      `${controller.replace('Controller', '').toLowerCase()}.${method}`,
  });
}

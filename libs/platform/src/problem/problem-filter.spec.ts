import 'reflect-metadata';
import {
  Body,
  ConflictException,
  Controller,
  Get,
  InternalServerErrorException,
  Module,
  Post,
  UnauthorizedException,
  ValidationPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type } from 'class-transformer';
import { IsInt, IsString, ValidateNested } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfiguration } from '../config/read-configuration.js';
import { createLogger } from '../logging/logger.js';
import { ProblemFilter } from './problem-filter.js';
import { problem, ProblemException, validationProblem } from './problem.js';

class Settings {
  @IsInt()
  limit!: number;
}

class Thing {
  @IsString()
  name!: string;

  @ValidateNested()
  @Type(() => Settings)
  settings!: Settings;
}

class NoDatabase extends Error {}

@Controller('things')
class ThingsController {
  @Get('problem')
  problem(): void {
    throw new ProblemException(404, { detail: 'No number has this id.' });
  }

  @Get('conflict')
  conflict(): void {
    throw new ConflictException('+15550100123 is configured already.');
  }

  @Get('key')
  key(): void {
    throw new UnauthorizedException();
  }

  @Get('bug')
  bug(): void {
    throw new TypeError('canary is not a function');
  }

  @Get('internal')
  internal(): void {
    throw new InternalServerErrorException('canary');
  }

  @Get('database')
  database(): void {
    throw new NoDatabase('canary');
  }

  @Post()
  create(@Body() thing: Thing): Thing {
    return thing;
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let app: NestFastifyApplication;
let logged = '';

beforeAll(async () => {
  const logger = createLogger('gateway', readConfiguration('launcher', {}), {
    write: (line: string) => void (logged += line),
  });
  app = await NestFactory.create<NestFastifyApplication>(
    ThingsModule,
    new FastifyAdapter({ bodyLimit: 1_000 }),
    {
      logger: false,
    },
  );
  app.useGlobalPipes(new ValidationPipe({ transform: true, exceptionFactory: validationProblem }));
  app.useGlobalFilters(
    new ProblemFilter(logger, (error) =>
      error instanceof NoDatabase ? problem(503, { detail: 'The database is away.' }) : undefined,
    ),
  );
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});

afterAll(async () => {
  await app.close();
});

async function call(method: 'GET' | 'POST', url: string, payload?: string | object) {
  logged = '';
  const headers = typeof payload === 'string' ? { 'content-type': 'application/json' } : {};
  const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  expect(response.headers['content-type']).toBe('application/problem+json');
  return { headers: response.headers, body: JSON.parse(response.body) as unknown };
}

describe(ProblemFilter.name, () => {
  it('answers a problem as it was thrown', async () => {
    expect((await call('GET', '/things/problem')).body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'No number has this id.',
      instance: '/things/problem',
    });
    expect(logged).toBe('');
  });

  it('names every field that is wrong', async () => {
    expect((await call('POST', '/things', { settings: { limit: 'many' } })).body).toMatchObject({
      status: 400,
      errors: [
        { field: 'name', message: 'name must be a string' },
        { field: 'settings.limit', message: 'limit must be an integer number' },
      ],
    });
  });

  it('asks for the key', async () => {
    const { headers, body } = await call('GET', '/things/key');
    expect(body).toMatchObject({ status: 401, title: 'Unauthorized' });
    expect(headers['www-authenticate']).toBe('Bearer');
  });

  it('repeats no phone number, from a message, a path or a query', async () => {
    const { body } = await call('GET', '/things/conflict?address=%2B15550100123');
    expect(body).toMatchObject({
      status: 409,
      detail: '[number] is configured already.',
      instance: '/things/conflict',
    });
    const unknown = await call('GET', '/nowhere/+15550100123?address=+15550100123');
    expect(unknown.body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      instance: '/nowhere/[number]',
    });
  });

  it.each([
    ['half a JSON', '{"name":', 400],
    ['too much', JSON.stringify({ name: 'x'.repeat(2_000) }), 413],
  ])('passes on the refusal of %s', async (_name, payload, status) => {
    expect((await call('POST', '/things', payload)).body).toMatchObject({ status });
    expect(logged).toBe('');
  });

  it.each(['bug', 'internal'])('explains nothing about a failure of ours, but logs it (%s)', async (path) => {
    const { body } = await call('GET', `/things/${path}?address=%2B15550100123`);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      instance: `/things/${path}`,
    });
    expect(JSON.parse(logged)).toMatchObject({ level: 'error', msg: 'A request failed.', method: 'GET' });
    expect(logged).toContain('canary');
    expect(logged).not.toContain('5550100');
  });

  it('lets the application translate its own errors', async () => {
    expect((await call('GET', '/things/database')).body).toMatchObject({
      status: 503,
      detail: 'The database is away.',
    });
  });
});

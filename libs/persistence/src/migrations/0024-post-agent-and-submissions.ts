import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  postAgentAndSubmissions,
  postAgentAndSubmissionsBefore,
} from './0024-post-agent-and-submissions.sql.js';

export class PostAgentAndSubmissions1797800000024 implements MigrationInterface {
  readonly name = 'PostAgentAndSubmissions1797800000024';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(postAgentAndSubmissions);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(postAgentAndSubmissionsBefore);
  }
}

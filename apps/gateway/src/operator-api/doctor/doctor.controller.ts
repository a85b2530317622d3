import { Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { OperatorController } from '../operator-controller.js';
import { Doctor } from './doctor.js';
import { DoctorResource, showChecks } from './doctor.dto.js';

@OperatorController('doctor')
export class DoctorController {
  constructor(@Inject(Doctor) private readonly doctor: Doctor) {}

  @Get()
  @ApiOperation({
    summary: 'Check everything between both accounts and this service',
    description:
      'Asks both providers now, makes the Chat Gateway call our webhook once, and changes nothing. Takes up to 15 seconds.',
  })
  @ApiOkResponse({ type: DoctorResource })
  async look(): Promise<DoctorResource> {
    return showChecks(await this.doctor.look());
  }
}

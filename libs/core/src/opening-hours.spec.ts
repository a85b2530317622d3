import { describe, expect, it } from 'vitest';
import { isOpenStatus, scheduleFor } from './opening-hours.js';

describe(isOpenStatus.name, () => {
  it.each([
    [0, [], true],
    [-1, [], false],
    [-1, [-1], false],
    [1, [], false],
    [1, [1], true],
    [6, [1, 6], true],
    [5, [1, 6], false],
  ])('%i, of the own choices %j being open: %s', (status, own, open) => {
    expect(isOpenStatus(status, own)).toBe(open);
  });
});

describe(scheduleFor.name, () => {
  it("is the queue's own, else the number's", () => {
    const settings = { schedule: 'Main', queues: { '200': 'Sales' } };
    expect(scheduleFor(settings, '200')).toBe('Sales');
    expect(scheduleFor(settings, '100')).toBe('Main');
    expect(scheduleFor(settings, 'constructor')).toBe('Main');
    expect(scheduleFor(settings, undefined)).toBe('Main');
    expect(scheduleFor({ schedule: 'Main' }, '200')).toBe('Main');
  });
});

import { describe, expect, it } from 'vitest';
import { takenAttachments } from './taken-attachments.js';

const file = { key: 'k', contentType: 'image/png', bytes: 1, filename: 'a.png' };

describe(takenAttachments.name, () => {
  it('names each once that the desk or the bot has', () => {
    expect(takenAttachments([{ text: 'a' }, { bot: {} }])).toEqual([]);
    expect(
      takenAttachments([
        { attachmentIds: ['x'], attachmentIndexes: [1], uploadedTo: 'c' },
        { bot: { files: [{ refused: 'empty' }, file, file] } },
      ]),
    ).toEqual([1, 2]);
  });
});

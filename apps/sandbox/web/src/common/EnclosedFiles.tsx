import { ActionIcon } from '@mantine/core';
import { enclose, useEnclosed } from './enclosed.js';
import { sizeOf, type OutgoingFile } from './files.js';
import { CloseIcon, FileIcon, SoundIcon } from './Icons.js';
import styles from './EnclosedFiles.module.css';

/** The files that go with the next message; each can be taken out again. */
export function EnclosedFiles({ place }: { place: string }) {
  const { files } = useEnclosed(place);
  if (files.length === 0) return null;
  const remove = (id: string) =>
    enclose(place, (before) => ({ ...before, files: before.files.filter((file) => file.id !== id) }));
  return (
    <ul className={styles.files} aria-label="Goes with the next message">
      {files.map((file) => (
        <li key={file.id} className={styles.file}>
          <Preview file={file} />
          <span className={styles.name}>{file.fileName}</span>
          <span className={styles.size}>{sizeOf(file.sizeInBytes)}</span>
          <ActionIcon
            size="xs"
            variant="subtle"
            aria-label={`Take ${file.fileName} out`}
            onClick={() => remove(file.id)}
          >
            <CloseIcon />
          </ActionIcon>
        </li>
      ))}
    </ul>
  );
}

function Preview({ file: { contentType, base64 } }: { file: OutgoingFile }) {
  if (/^image\/(png|jpeg|gif|webp)$/.test(contentType)) {
    return <img className={styles.picture} src={`data:${contentType};base64,${base64}`} alt="" />;
  }
  return contentType.startsWith('audio/') ? <SoundIcon /> : <FileIcon />;
}

import type { FileView } from '../../../src/page/state.js';
import { FileIcon } from './Icons.js';
import { Picture } from './Picture.js';
import { sizeOf } from './files.js';
import styles from './Files.module.css';

/** The files of a message: what a browser can show is shown, the others can be saved. */
export function Files({ files }: { files: FileView[] }) {
  if (files.length === 0) return null;
  return (
    <div className={styles.files}>
      {files.map((file) => (
        <OneFile key={file.id} file={file} />
      ))}
    </div>
  );
}

function OneFile({ file }: { file: FileView }) {
  switch (file.kind) {
    case 'image':
      return <Picture file={file} />;
    case 'audio':
    case 'video':
      return <Recording file={file} />;
    case 'file':
      return (
        <a className={styles.card} href={file.url} download={file.name}>
          <FileIcon />
          <span>
            <span className={styles.name}>{file.name}</span>
            <span className={styles.facts}>
              {file.contentType.split(';')[0]} · {sizeOf(file.sizeInBytes)}
            </span>
          </span>
        </a>
      );
  }
}

function Recording({ file: { kind, url, name } }: { file: FileView }) {
  const Player = kind === 'audio' ? 'audio' : 'video';
  return <Player className={styles[kind]} controls preload="metadata" src={url} aria-label={name} />;
}

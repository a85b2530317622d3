import { bare, extensionOf } from './media-types.js';

/**
 * What a customer's file may be: pictures, sounds, films, documents of offices, contacts, dates and plain text. Programs,
 * archives and whatever a browser would run (HTML, SVG, XML) are not among it.
 */
const TO_DESK = [
  /^image\/(?!svg)/,
  /^audio\//,
  /^video\//,
  /^application\/(pdf|rtf|msword|vnd\.ms-excel|vnd\.ms-powerpoint)$/,
  /^application\/vnd\.openxmlformats-officedocument\.(wordprocessingml|spreadsheetml|presentationml)\.(document|sheet|presentation|slideshow|template)$/,
  /^application\/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)$/,
  /^text\/(plain|csv|vcard|calendar)$/,
];

/** What an agent's file may not be: it can run on the machine or in the browser of whoever opens it. */
const NOT_TO_CUSTOMER: ReadonlySet<string> = new Set([
  'text/html',
  'text/x-shellscript',
  'image/svg+xml',
  'application/xml',
  'application/xhtml+xml',
  'application/x-msdownload',
  'application/x-elf',
  'application/x-mach-binary',
  'application/java-archive',
  'application/java-vm',
  'application/x-java-archive',
  'application/vnd.android.package-archive',
  'application/vnd.ms-cab-compressed',
  'application/x-apple-diskimage',
  'application/x-ms-shortcut',
  'application/x.ms.shortcut',
  'application/x-shockwave-flash',
  'application/x-deb',
  'application/x-rpm',
  'application/wasm',
]);
/** Nor what it may be called. */
const NOT_CALLED: ReadonlySet<string> = new Set(
  (
    'exe com scr msi msp bat cmd ps1 psm1 vbs vbe js jse mjs wsf wsh hta cpl dll sys lnk pif reg jar apk app dmg pkg ' +
    'deb rpm sh bash csh command scpt htm html xhtml shtml mht mhtml svg svgz xml xsl swf iso img chm url'
  ).split(' '),
);

/** Whether a customer's file of this type is carried to the desk: customers are strangers, so only what is known is. */
export function mayGoToDesk(contentType: string): boolean {
  return TO_DESK.some((pattern) => pattern.test(bare(contentType)));
}

/** Whether an agent's file is carried to the customer: whatever does not run, for agents send what their work needs. */
export function mayGoToCustomer(contentType: string, filename: string): boolean {
  return !NOT_TO_CUSTOMER.has(contentType) && !NOT_CALLED.has(extensionOf(filename));
}

/** Where a phone keeps what is not sent yet. */
export function placeOf(address: string): string {
  return `phone ${address}`;
}

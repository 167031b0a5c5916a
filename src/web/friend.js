// friend.js: a link by which two who know each other meet. Its letters are the only interest of both.

const HASH = /^#with=([a-z]{8})$/;

let code = '';

/** The letters of the link that the page was opened by, or ''. */
export const invitedBy = () => HASH.exec(location.hash)?.[1] ?? '';

export const friendInterest = () => `friend-link ${code}`;

export function dropInvitation() {
  history.replaceState(history.state, '', location.pathname + location.search);
}

/** For this search; the next one, and a reload, is an ordinary one. */
export function takeInvitation() {
  code = invitedBy();
  dropInvitation();
}

/** Hands the user a link to send. Returns what to say about it; '' if the user thought better of it. */
export async function invite() {
  const letters = [...crypto.getRandomValues(new Uint8Array(8))].map(byte => String.fromCharCode(97 + byte % 26)).join('');
  const url = `${location.origin}${location.pathname}#with=${letters}`;
  let words = `Send your friend this link: ${url}`;
  try {
    if (navigator.share) {
      await navigator.share({ url });
    } else {
      await navigator.clipboard.writeText(url);
      words = `Copied. Send it to your friend: ${url}`;
    }
  } catch (error) {
    if (error.name === 'AbortError') return '';
  }
  code = letters;
  return words;
}

// careful.js: questions before something that cannot be taken back: giving away how to be found, opening a stranger's link.

import { $, button } from './dom.js';

const DIGITS = /(?:\p{Nd}[\s().+\/\p{Pd}]*){7}/u;
const ADDRESS = /[^\s@]@[^\s@]+\.[^\s@]/;
const ELSEWHERE = /\b(?:insta(?:gram)?|snap(?:chat)?|telegram|whats ?app|discord)\b/i;

const panel = $('ask');
const choices = $('ask-choices');

let whenClosed = null;

export const isAsking = () => !panel.hidden;

/** choices: [[label, act]], the first is the one that is meant; onClose after any of them, and at Escape. */
function ask(text, offered, onClose) {
  $('ask-text').textContent = text;
  whenClosed = onClose;
  choices.replaceChildren(...offered.map(([label, act]) => button(label, () => {
    closeAsk();
    act?.();
  })));
  panel.hidden = false;
  choices.lastChild.focus(); // the one that changes nothing
}

export function closeAsk() {
  if (panel.hidden) return;
  panel.hidden = true;
  whenClosed?.();
}

/** The numbers in a link are nobody's. */
export function givesAway(text) {
  const own = text.replace(/https?:\/\/\S+/gi, ' ');
  return DIGITS.test(own) || ADDRESS.test(own) || ELSEWHERE.test(text);
}

export function askAboutGivingAway(send, onClose) {
  ask('You are about to give away a way to find you.', [['Send', send], ['Change', null]], onClose);
}

/** Of the stranger's messages in a list. */
export function guardLinks(list, onClose) {
  const guard = event => {
    const anchor = event.target.closest('.theirs a');
    if (!anchor || (event.type === 'auxclick' && event.button !== 1)) return;
    event.preventDefault();
    const { href, host } = new URL(anchor.href);
    ask(`Open ${host}? Stranger chose this page, and whoever runs it sees your network address.`,
      [['Open', () => window.open(href, '_blank', 'noopener,noreferrer')], ['Stay', null]], onClose);
  };
  list.addEventListener('click', guard);
  list.addEventListener('auxclick', guard);
}

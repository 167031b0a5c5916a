// composer.js: the field for messages: keys, counter, and telling the partner that one is being typed.

const LONGEST = 2000;       // Unicode code points
const COUNT_FROM = 1800;
const TYPING_EVERY_MS = 2200; // with room for the network's whims

const form = document.getElementById('composer-form');
const field = document.getElementById('composer');
const sendButton = document.getElementById('send-button');
const counter = document.getElementById('counter');

let isOpen = false;
let saidTyping = false;
let saidTypingAt = -Infinity;
let typingTimer = 0;
let sendTyping = null;

const hasTouchKeyboard = matchMedia('(pointer: coarse)').matches;

function refresh() {
  const length = [...field.value].length;
  const isTooLong = length > LONGEST;
  counter.hidden = length < COUNT_FROM;
  counter.textContent = `${length.toLocaleString('en')} / ${LONGEST.toLocaleString('en')}`;
  counter.classList.toggle('over', isTooLong);
  field.setAttribute('aria-invalid', String(isTooLong));
  sendButton.disabled = !isOpen || isTooLong || field.value.trim() === '';
}

/** The server passes on one every two seconds and drops the rest: what comes too early waits for its turn. */
function tellTyping(isActive) {
  clearTimeout(typingTimer);
  if (!isActive && !saidTyping) return;
  const waitMs = saidTypingAt + TYPING_EVERY_MS - performance.now();
  if (waitMs > 0) {
    typingTimer = setTimeout(tellTyping, waitMs, isActive);
    return;
  }
  saidTyping = isActive;
  saidTypingAt = performance.now();
  sendTyping(isActive);
}

/** At a message the partner forgets it unasked; in another chat nobody was told. */
function forgetTyping() {
  clearTimeout(typingTimer);
  saidTyping = false;
}

/** Whether the field has taken the focus. */
export function openComposer() {
  isOpen = true;
  forgetTyping();
  saidTypingAt = -Infinity;
  field.readOnly = false;
  field.placeholder = 'Message';
  refresh();
  // On a phone the focus would bring the keyboard up over the greeting.
  if (!hasTouchKeyboard) field.focus();
  return !hasTouchKeyboard;
}

/** Read-only and not disabled: what stands in it can still be copied, and the focus stays. */
export function closeComposer() {
  isOpen = false;
  forgetTyping();
  field.readOnly = true;
  field.placeholder = 'The chat is over';
  refresh();
}

export function clearComposer() {
  field.value = '';
  refresh();
}

/** A refused text goes before what has been typed since. */
export function putBack(text) {
  field.value = field.value === '' ? text : `${text}\n${field.value}`;
  refresh();
}

/** on.send(text) says whether the text is on its way; on.typing(isActive); on.edit() at any change. */
export function initComposer(on) {
  sendTyping = on.typing;

  form.addEventListener('submit', event => {
    event.preventDefault();
    refresh();
    if (sendButton.disabled || !on.send(field.value.trim())) return;
    field.value = '';
    forgetTyping();
    refresh();
    field.focus();
  });

  field.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });

  field.addEventListener('input', () => {
    refresh();
    on.edit();
    if (isOpen) tellTyping(field.value !== '');
  });
}

// Where the on-screen keyboard covers the page instead of making it smaller (iOS), the page follows the part
// that is visible. While the user zooms in, that part says nothing about the keyboard.
visualViewport?.addEventListener('resize', () => {
  if (Math.abs(visualViewport.scale - 1) > 0.01) return;
  document.documentElement.style.setProperty('--height', `${visualViewport.height}px`);
  scrollTo(0, 0);
});

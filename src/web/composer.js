// composer.js: the field for messages: keys, counter, and telling the partner that one is being typed.

import { $, number } from './dom.js';
import { isVisible, sendable } from './clean.js';
import { keepSoon } from './kept.js';

const LONGEST = 2000;       // Unicode code points
const COUNT_FROM = 1800;
const TYPING_EVERY_MS = 2200; // with room for the network's whims

const form = $('composer-form');
const field = $('composer');
const sendButton = $('send-button');
const counter = $('counter');

let isOpen = false;
let saidTyping = false;
let saidTypingAt = -Infinity;
let typingTimer = 0;
let sendTyping = null;

const hasTouchKeyboard = matchMedia('(pointer: coarse)').matches;

function refresh() {
  const length = field.value.length < COUNT_FROM ? 0 : [...field.value].length;
  const isTooLong = length > LONGEST;
  counter.hidden = length < COUNT_FROM;
  counter.textContent = `${number(length)} / ${number(LONGEST)}`;
  counter.classList.toggle('over', isTooLong);
  field.setAttribute('aria-invalid', String(isTooLong));
  sendButton.disabled = !isOpen || isTooLong || !isVisible(field.value);
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
  form.hidden = false;
  field.readOnly = false;
  field.placeholder = 'Message';
  refresh();
  // On a phone the focus would bring the keyboard up over the greeting.
  if (!hasTouchKeyboard) field.focus();
  return !hasTouchKeyboard;
}

/** What stands in it can still be copied; an empty field goes. */
export function closeComposer() {
  isOpen = false;
  forgetTyping();
  field.readOnly = true;
  field.placeholder = '';
  form.hidden = field.value === '';
  refresh();
}

export function clearComposer() {
  field.value = '';
  refresh();
}

/** A text that was lost with its chat, for the next one, unless another is being written. */
export function putBack(text) {
  if (text === '' || field.value !== '') return;
  field.value = text;
  form.hidden = false;
  refresh();
}

/** What stands in the field. */
export const draft = () => field.value;

/** Once more, as if Send had been pressed. */
export const sendAgain = () => form.requestSubmit();

export const focusComposer = () => field.focus();

/** on.send(text) says whether the text is on its way; on.typing(isActive); on.edit() at any change. */
export function initComposer(on) {
  sendTyping = on.typing;

  form.addEventListener('submit', event => {
    event.preventDefault();
    refresh();
    if (sendButton.disabled || !on.send(sendable(field.value).trim())) return;
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
    keepSoon();
    on.edit();
    if (isOpen) tellTyping(field.value !== '');
  });

  // Who types means the field, wherever the focus is. A blank presses buttons and scrolls the list.
  document.addEventListener('keydown', event => {
    const isLetter = [...event.key].length === 1 && event.key !== ' ';
    if (!isOpen || !isLetter || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!event.target.closest('input, textarea, select')) field.focus();
  });
}

// Where the on-screen keyboard covers the page instead of making it smaller (iOS), the page follows the part
// that is visible. While the user zooms in, that part says nothing about the keyboard.
visualViewport?.addEventListener('resize', () => {
  if (Math.abs(visualViewport.scale - 1) > 0.01) return;
  document.documentElement.style.setProperty('--height', `${visualViewport.height}px`);
  scrollTo(0, 0);
});

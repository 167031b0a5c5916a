// app.js: what the user is doing (idle, searching, chatting, ended), the three views, and what the server's messages
// mean for them (src/wire/README.md).

import { Socket } from './socket.js';
import { commitInterests, currentInterests, showStartError } from './chips.js';
import { closeSearch, fallbackAfterMs, initSearch, openSearch, refreshStats, searchAsked, showSearchTrouble } from './search.js';
import { addMessage, addNote, clearMessages, markUnsent, saveTranscript } from './messages.js';
import { clearComposer, closeComposer, initComposer, openComposer, putBack } from './composer.js';
import { closeCall, initCall, onSignal, openCall } from './call.js';
import { notify, notifyMessage } from './notify.js';

const TYPING_LASTS_MS = 6000;
const SURE_LASTS_MS = 4000;
const RETRY_SEARCH_MS = 2000;

const $ = id => document.getElementById(id);
const banner = $('banner');
const chatView = $('chat-view');
const typing = $('typing');
const leaveButton = $('leave-button');
const leaveHint = $('leave-hint');
const blockButton = $('block-button');
const reportButton = $('report-button');
const reportMenu = $('report-menu');

let phase = 'idle';
let isConnected = false;
let wasConnected = false;   // ever
let isShutOut = false;     // reported too often; no further connection is tried
let submitted = '';       // under this connection
let matchId = null;
let isTextOfLostChat = false;
let sent = [];            // what may yet be refused, oldest first
let typingTimer = 0;
let retryTimer = 0;

const ERRORS = {
  message_too_long: 'That message was too long.',
  rate_limited: 'Slow down a little.',
  no_interests: 'Name at least one interest first.',
  invalid_interests: 'The server did not accept these interests.',
  not_in_chat: 'That chat is over already.',
  matching_unavailable: 'Nobody can be found at the moment. The search goes on by itself.',
  server_busy: 'The server is busy at the moment.',
};

// Views.

function show(name) {
  for (const view of ['start', 'search', 'chat']) $(`${view}-view`).hidden = view !== name;
  if (name !== 'search') closeSearch();
}

function goToStart(problem = '') {
  phase = 'idle';
  clearTimeout(retryTimer);
  show('start');
  showStartError(problem);
  if (problem) $('interest-input').focus();
  else $('start-title').focus();
}

// Searching.

/** Asks the server; without a connection the next one will. */
function askForSearch(type) {
  clearTimeout(retryTimer);
  if (!isConnected) return;
  const interests = currentInterests();
  if (String(interests) !== submitted) socket.send('submit_interests', { interests });
  submitted = String(interests);
  socket.send(type, { fallback_after_ms: fallbackAfterMs() });
  searchAsked();
}

function search(type) {
  if (isShutOut) {
    goToStart(LOSSES[SHUT_OUT]);
    return;
  }
  phase = 'searching';
  show('search');
  openSearch(listed(currentInterests()));
  askForSearch(type);
  $('search-title').focus();
}

function start() {
  const isClean = commitInterests();
  if (currentInterests().length === 0) {
    if (isClean) showStartError('Name at least one interest, so that there is something to talk about.');
    $('interest-input').focus();
  } else if (isClean) {
    search('start_matching');
  }
}

// Chatting.

function openChat({ match_id, role, common_interests: common }) {
  clearTimeout(retryTimer);
  phase = 'chatting';
  matchId = match_id;
  sent = [];
  if (!isTextOfLostChat) clearComposer();
  isTextOfLostChat = false;
  clearMessages();
  show('chat');
  chatView.classList.remove('ended');
  $('chat-title').textContent = 'Stranger';
  $('home-button').hidden = true;
  blockButton.disabled = reportButton.disabled = false;
  showReportMenu(false);
  leave.calm();
  block.calm();
  hideTyping();
  openCall(role);
  addNote(Array.isArray(common) && common.length
    ? `You both like ${listed(common)}.`
    : 'You are talking to a stranger. Say hi!');
  if (!openComposer()) $('chat-title').focus();
  notify('Stranger found ·');
}

function listed(words) {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function endChat(text) {
  if (phase !== 'chatting') return;
  phase = 'ended';
  hideTyping();
  closeCall();
  closeComposer();
  chatView.classList.add('ended');
  $('chat-title').textContent = 'Chat over';
  $('camera-button').hidden = true;
  $('home-button').hidden = false;
  leave.calm();
  addNote(text);
}

function sendText(text) {
  if (phase !== 'chatting' || !socket.send('chat_message', { message: text })) return false;
  sent.push(addMessage(text, true));
  return true;
}

/** Only refusals are answered, and a limit that refuses one message refuses those after it: they are the latest. */
function refused(code) {
  const entry = sent.pop();
  if (entry) markUnsent(entry);
  if (!entry || phase !== 'chatting' || code === 'not_in_chat') return;
  putBack(entry.text);
}

function showTyping(isActive) {
  clearTimeout(typingTimer);
  typing.hidden = !isActive;
  if (isActive) typingTimer = setTimeout(hideTyping, TYPING_LASTS_MS);
}

const hideTyping = () => showTyping(false);

/** A button that asks when pressed, and acts when pressed again soon. */
function askFirst(button, calmText, askText, act) {
  let timer = 0;
  const isAsking = () => timer !== 0;
  const turn = wasPressed => {
    clearTimeout(timer);
    timer = wasPressed ? setTimeout(turn, SURE_LASTS_MS, false) : 0;
    button.textContent = wasPressed ? askText : calmText();
    button.classList.toggle('asking', wasPressed);
    if (!wasPressed) leaveHint.textContent = '';
  };
  const calm = () => turn(false);
  const press = () => {
    const isSure = isAsking();
    turn(!isSure);
    if (isSure) act();
  };
  return { press, calm, isAsking };
}

const leave = askFirst(leaveButton, () => phase === 'ended' ? 'Next stranger' : 'Leave', 'Really?', () => {
  socket.send('end_chat');
  endChat('You have left.');
});

const block = askFirst(blockButton, () => 'Block', 'Really block?', () => {
  socket.send('block');
  blockButton.disabled = true;
  endChat('You have left.');
  addNote('Blocked. You will not meet this stranger again while both of you stay connected.');
  leaveButton.focus();
});

function report({ dataset: { reason }, textContent: words }) {
  socket.send('report', { reason });
  showReportMenu(false);
  blockButton.disabled = reportButton.disabled = true;
  endChat('You have left.');
  addNote(`Reported: ${words}. Thank you. You will not meet this stranger again.`);
  leaveButton.focus();
}

function showReportMenu(isShown) {
  if (reportMenu.contains(document.activeElement)) reportButton.focus();
  reportMenu.hidden = !isShown;
  reportButton.setAttribute('aria-expanded', String(isShown));
  if (isShown) reportMenu.querySelector('button').focus();
}

// What the server says.

const explain = code => ERRORS[code] ?? 'The server refused that.';

/** A search that was refused is asked for again. */
function onSearchError(code, request) {
  if (phase !== 'searching') return;
  if (request === 'submit_interests' || code === 'no_interests') submitted = '';
  if (code === 'invalid_interests') {
    socket.send('end_matching');
    goToStart(explain(code));
  } else if (code !== 'already_chatting') { // then the match is on its way to us
    showSearchTrouble(explain(code));
    clearTimeout(retryTimer);
    if (code !== 'matching_unavailable') retryTimer = setTimeout(() => askForSearch('next'), RETRY_SEARCH_MS);
  }
}

function onError({ code, request }) {
  if (['start_matching', 'next', 'submit_interests'].includes(request) || code === 'matching_unavailable') {
    onSearchError(code, request);
  } else if (request === 'chat_message') {
    refused(code);
    if (phase === 'chatting') addNote(explain(code));
  } else if (['block', 'report'].includes(request)) {
    addNote(`The ${request} did not get through. ${explain(code)}`);
    blockButton.disabled = reportButton.disabled = false;
  }
}

const events = {
  connection_established() {
    isConnected = wasConnected = true;
    submitted = '';
    banner.textContent = '';
    refreshStats(); // only now are we counted ourselves
    if (phase === 'searching') askForSearch('start_matching');
  },

  no_match() {
    if (phase === 'searching') showSearchTrouble('');
    // Our 'next' crossed with a match, and has ended it and gone on searching.
    else if (phase === 'chatting') search('next');
  },

  success_matched(data) {
    // A match that crossed with our cancelling or leaving is not wanted any more.
    if (phase === 'idle' || phase === 'ended') socket.send('end_chat');
    else openChat(data);
  },

  chat_message({ message }) {
    if (phase !== 'chatting' || typeof message !== 'string') return;
    hideTyping();
    addMessage(message, false);
    notifyMessage();
  },

  typing({ active }) {
    if (phase === 'chatting') showTyping(active === true);
  },

  webrtc_signal(data) {
    if (phase === 'chatting') onSignal(data);
  },

  partner_left_chat({ match_id }) {
    if (phase !== 'chatting' || match_id !== matchId) return;
    endChat('Stranger has left.');
    notify('Chat over ·');
  },

  error: onError,
};

function onMessage({ type, data }) {
  if (Object.hasOwn(events, type)) events[type](data ?? {});
}

const SHUT_OUT = 4003;
const LOSSES = {
  1001: 'The server is restarting. Reconnecting…',
  1008: 'Disconnected for sending too much at once. Reconnecting in a while…',
  1013: 'The server is full. Trying again in a while…',
  [SHUT_OUT]: 'You were reported too often and cannot chat here for now.',
};

function onLost(code) {
  isConnected = false;
  banner.textContent = LOSSES[code]
    ?? (wasConnected ? 'Connection lost. Reconnecting…' : 'The server lets nobody in. Trying again…');
  clearTimeout(retryTimer);
  if (phase === 'chatting') {
    isTextOfLostChat = true;
    endChat('The connection was lost, and the chat with it.');
  }
  blockButton.disabled = reportButton.disabled = true; // to the next connection, the stranger is nobody
  showReportMenu(false);
  isShutOut = code === SHUT_OUT;
  if (isShutOut && phase === 'searching') goToStart();
}

// What the user does.

function pressLeave() {
  if (phase === 'ended') search('next');
  else leave.press();
}

function onEscape() {
  if (!reportMenu.hidden) {
    showReportMenu(false);
    return;
  }
  pressLeave();
  if (leave.isAsking()) leaveHint.textContent = 'Press Esc again to leave';
}

document.addEventListener('keydown', event => {
  const isOurs = event.key === 'Escape' && !event.repeat && !event.isComposing && event.keyCode !== 229;
  if (!isOurs || chatView.hidden) return;
  event.preventDefault();
  onEscape();
});

$('start-form').addEventListener('submit', event => {
  event.preventDefault();
  start();
});
$('cancel-button').addEventListener('click', () => {
  socket.send('end_matching');
  goToStart();
});
leaveButton.addEventListener('click', pressLeave);
$('home-button').addEventListener('click', () => goToStart());
$('save-button').addEventListener('click', saveTranscript);
blockButton.addEventListener('click', block.press);
reportButton.addEventListener('click', () => showReportMenu(reportMenu.hidden));
$('report-cancel').addEventListener('click', () => showReportMenu(false));
for (const button of reportMenu.querySelectorAll('[data-reason]')) {
  button.addEventListener('click', () => report(button));
}

initSearch(() => askForSearch('next'));
initComposer({
  send: sendText,
  typing: active => phase === 'chatting' && socket.send('typing', { active }),
  edit: leave.calm,
});
initCall({ signal: data => socket.send('webrtc_signal', data), note: addNote });

const socket = new Socket({ message: onMessage, lost: onLost });

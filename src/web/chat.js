// chat.js: the chat view: a conversation from the match to its end, and whatever is said in it.

import { $, element, isPressed, listed, onClick, press } from './dom.js';
import { callModule, firstWordModule, transcriptModule } from './later.js';
import { addMessage, addNote, clearMessages, drawSoon, isReadingBack, keptEntries, restoreEntries, transcript } from './messages.js';
import { closeOutbox, isFull, loseOutbox, openOutbox, posted, refuse, restorePosted, sendWaiting, taken } from './outbox.js';
import { clearComposer, closeComposer, draft, focusComposer, initComposer, openComposer, putBack, sendAgain } from './composer.js';
import { nobodyIsGone, strangerGoneUntil, strangerIsBack, strangerIsGone, wasTooLong, weAreBack, weAreGone } from './gone.js';
import { keepNow, keepSoon, survives } from './kept.js';
import { askAboutGivingAway, closeAsk, givesAway, guardLinks, isAsking } from './careful.js';
import { askFirst, initWaysOut, openWayBack } from './leaving.js';
import { notify, notifyMatch, notifyMessage, titleView } from './notify.js';
import { recall, remember } from './settings.js';
import { explain } from './words.js';

const TYPING_LASTS_MS = 6000;
const LOST = 'The connection was lost, and the chat with it.';
const TOO_LATE = 'You were away too long, and the chat has ended.';

const view = $('chat-view');
const typing = $('typing');
const leaveHint = $('leave-hint');
const blockButton = $('block-button');
const reportButton = $('report-button');
const reportMenu = $('report-menu');
const more = $('more');

let phase = 'none'; // chatting, ended
let matchId = null;
let role = '';
let shared = [];
let isWithFriend = false;
let isSilent = false;   // nobody has written yet
let call = null;        // call.js, once it is there
let isCallOpen = false; // it knows of this chat
let keptCall = null;    // the call that we were in when the page was loaded again
let hasWarned = false; // of giving away how to be found, in this chat
let isTextOfLostChat = false;
let typingTimer = 0;
let socket = null;
let findNext = null;
let onNoShow = null;

export const isChatting = () => phase === 'chatting';
export const wasOf = match => match === matchId; // this chat, or the last one
export const isOf = match => isChatting() && match === matchId;
export { taken };

// Two windows of one person find each other like any two: then neither is a stranger.
const windows = window.BroadcastChannel && new BroadcastChannel('chatterbox');
windows?.addEventListener('message', ({ data }) => {
  if (!isChatting() || data?.match !== matchId) return;
  addNote('You have met yourself: this chat is with your other window.');
  if (!data.isAnswer) windows.postMessage({ match: matchId, isAnswer: true });
});

/** wide: what the title begins with where there is room. */
function entitle(text, wide = '') {
  $('chat-title').replaceChildren(element('span', 'wide-only', wide), text);
}

/** common: what they share, in words; isFriend: they have met by a link. */
export function openChat(match, common, isFriend) {
  const likes = listed(common);
  if (!isTextOfLostChat) clearComposer();
  isTextOfLostChat = false;
  begin(match, common, isFriend);
  addNote(isFriend ? 'Your friend is here. Say hi!' : likes ? `You both like ${likes}.` : 'You have no interest in common. Say hi!');
  breakSilence(common);
  if (!openComposer()) $('messages').focus(); // on a phone the keyboard would come up over the greeting
  openWayBack();
  notifyMatch();
  windows?.postMessage({ match: matchId });
  keepNow();
}

function begin(match, common, isFriend) {
  const likes = listed(common);
  phase = 'chatting';
  matchId = match.match_id;
  role = match.role;
  shared = common;
  isWithFriend = isFriend;
  hasWarned = isCallOpen = false;
  keptCall = null;
  openOutbox(() => socket.distrust());
  nobodyIsGone();
  clearMessages();
  view.classList.remove('ended');
  $('after').hidden = true;
  $('camera-button').hidden = $('leave-button').hidden = false;
  blockButton.disabled = reportButton.disabled = more.open = false;
  showReportMenu(false);
  closeAsk();
  leave.calm();
  block.calm();
  showTyping(false);
  if (isFriend) entitle('Your friend');
  else if (likes) entitle(likes, 'You both like ');
  else entitle('Stranger');
}

/** What a reload needs in order to go on with this chat. */
export function snapshot() {
  const texts = keepsNothing() ? { entries: [] } : { entries: keptEntries(), draft: draft() };
  return { matchId, role, shared, isWithFriend, hasWarned, isSilent, strangerGoneUntil: strangerGoneUntil(), call: keptCall ?? call?.callState(), ...texts };
}

/** The chat that was under way when the page was loaded again. Nothing of it is news. */
export function restoreChat(kept) {
  begin({ match_id: kept.matchId, role: kept.role }, kept.shared, kept.isWithFriend);
  hasWarned = kept.hasWarned;
  keptCall = kept.call ?? null;
  restoreEntries(kept.entries, (entry, { n, isUnsent }) => entry && restorePosted(entry, n, isUnsent, sendText));
  if (kept.isSilent) breakSilence(shared);
  putBack(kept.draft ?? '');
  openComposer();
  openWayBack();
  if (kept.strangerGoneUntil) strangerIsGone(kept.strangerGoneUntil);
  goAway();
}

/** The connection is lost, and may be found again. */
export function goAway() {
  if (!isChatting()) return;
  weAreGone(socket.returnMs, () => {
    loseChat();
    socket.renew();
  });
}

/** The connection is there again, and so is the chat, if it is still the one. */
export function comeBack(isStill) {
  if (!isChatting()) return;
  weAreBack();
  if (!isStill) return;
  sendWaiting((message, n) => socket.send('chat_message', { message }, n));
  call?.cameBack(true);
  if (keptCall) withCall(() => call.callAgain(keptCall)).then(() => { keptCall = null; });
}

const keepsNothing = () => isPressed($('keep-nothing'));

/** wereTaken: the server has what we wrote in it. */
export function endChat(text, wereTaken = socket.isOpen) {
  if (!isChatting()) return;
  phase = 'ended';
  nobodyIsGone();
  keepNow();
  showTyping(false);
  call?.closeCall();
  endSilence();
  closeOutbox(wereTaken);
  closeAsk();
  const hadFocus = $('composer-form').contains(document.activeElement);
  closeComposer();
  view.classList.add('ended');
  entitle('Chat over');
  titleView('Chat over');
  $('camera-button').hidden = $('leave-button').hidden = true;
  $('after').hidden = false;
  leave.calm();
  addNote(text);
  if (hadFocus && $('composer-form').hidden) $('chat-title').focus();
}

/** The connection is lost, and what the server knew of the stranger with it. */
export function loseChat(why = wasTooLong() ? TOO_LATE : LOST) {
  if (isChatting()) {
    const unsent = loseOutbox(); // the last text that may not have come
    isTextOfLostChat = true;
    putBack(unsent);
    endChat(why);
  }
  blockButton.disabled = reportButton.disabled = true;
  showReportMenu(false);
}

function sendText(text) {
  if (!isChatting() || isAsking()) return false;
  if (!hasWarned && givesAway(text)) {
    askAboutGivingAway(sendAgain, () => {
      hasWarned = true;
      focusComposer();
    });
    return false;
  }
  if (!socket.isOpen && (!socket.canReturn || isFull())) {
    if (socket.canReturn) addNote('More cannot wait. Try again when you are back.');
    return false;
  }
  const n = socket.nextNumber();
  endSilence();
  const entry = addMessage(text, true);
  if (entry) posted(entry, n);
  keepNow(); // before it goes: its number must not be given twice
  socket.send('chat_message', { message: text }, n);
  return true;
}

// What few need, and what is needed a moment later.

const isCutOff = () => !socket.isOpen || strangerGoneUntil() !== 0;

/** What was wanted in a chat that is over is not done in the next. */
async function withCall(act) {
  const chat = matchId;
  const isStill = () => isChatting() && matchId === chat;
  try {
    const module = await callModule();
    if (!call) module.initCall({ signal: data => socket.send('webrtc_signal', data), note: addNote, isCutOff });
    call = module;
  } catch {
    if (isStill()) addNote('Video could not be loaded. Please try again.');
    return;
  }
  if (!isStill()) return;
  if (!isCallOpen) call.openCall(role);
  isCallOpen = true;
  act();
}

async function breakSilence(common) {
  const chat = matchId;
  isSilent = true;
  const { openFirstWord } = await firstWordModule().catch(() => ({}));
  if (isSilent && matchId === chat) openFirstWord?.(common, String(chat), sendText);
}

function endSilence() {
  isSilent = false;
  view.querySelector('.help')?.remove();
}

function showTyping(isActive) {
  clearTimeout(typingTimer);
  if (typing.hidden === isActive) {
    typing.hidden = !isActive;
    drawSoon(); // it stands at the end of the list
  }
  if (isActive) typingTimer = setTimeout(showTyping, TYPING_LASTS_MS, false);
}

// Ways out.

const leave = askFirst($('leave-button'), isAsked => {
  view.classList.toggle('leaving', isAsked);
  $('next-now').hidden = $('stay').hidden = !isAsked;
  leaveHint.textContent = isAsked ? 'Leave this chat?' : '';
}, () => {
  socket.sendSurely('end_chat');
  endChat('You left.');
});

/** As if Leave had been pressed, by the key or button of that name. */
export function pressLeave(name) {
  leave.press();
  if (leave.isAsking()) leaveHint.textContent = `Press ${name} again to leave`;
}

const block = askFirst(blockButton, isAsked => {
  blockButton.textContent = isAsked ? 'Really block?' : 'Block';
}, () => endWith('block', undefined, 'Blocked. You will not meet again while you are both here.'));

function endWith(request, data, words) {
  socket.sendSurely(request, data);
  blockButton.disabled = true;
  reportButton.disabled = request === 'report';
  more.open = false;
  showReportMenu(false);
  endChat('You left.');
  addNote(words);
  $('next-button').focus();
}

function showReportMenu(isShown) {
  if (reportMenu.contains(document.activeElement)) reportButton.focus();
  reportMenu.hidden = !isShown;
  reportButton.setAttribute('aria-expanded', String(isShown));
  if (isShown) reportMenu.querySelector('button').focus();
}

export function onEscape() {
  if (isAsking()) closeAsk();
  else if (more.open) more.open = false;
  else if (!reportMenu.hidden) showReportMenu(false);
  else if (phase === 'ended') findNext();
  else pressLeave('Esc');
}

// What the server says.

export const chatEvents = {
  chat_message({ message }) {
    if (!isChatting() || typeof message !== 'string') return;
    showTyping(false);
    if (!addMessage(message, false)) return;
    endSilence();
    notifyMessage(isReadingBack());
  },

  typing({ active }) {
    if (isChatting()) showTyping(active === true);
  },

  webrtc_signal(data) {
    if (isChatting()) withCall(() => call.onSignal(data));
  },

  partner_away({ match_id }) {
    if (!isOf(match_id)) return;
    showTyping(false);
    strangerIsGone(Date.now() + socket.returnMs);
    keepSoon();
  },

  partner_back({ match_id }) {
    if (!isOf(match_id)) return;
    strangerIsBack();
    call?.cameBack(false);
    keepSoon();
  },

  partner_left_chat({ match_id, no_show }) {
    if (!isOf(match_id)) return;
    endChat(no_show ? 'Stranger did not show up.' : strangerGoneUntil() ? 'Stranger did not come back.' : 'Stranger has left.', false);
    if (no_show) onNoShow();
    else notify('Chat over');
  },
};

/** A request without a name was one that the server could not read: a message, if one is on its way. */
export function onChatError(code, request) {
  if (request === 'block' || request === 'report') {
    addNote(`The ${request} did not get through. ${explain(code)}`);
    blockButton.disabled = reportButton.disabled = false;
    if (code !== 'not_in_chat') socket.send('end_chat'); // for the user it is over
    return;
  }
  if (request === 'webrtc_signal') call?.failCall();
  else if (request !== 'typing') refuse(code, sendText);
  if (isChatting() && code === 'not_in_chat') endChat(explain(code));
  else if (request !== 'webrtc_signal' && (isChatting() || code !== 'not_in_chat')) addNote(explain(code, 'send'));
}

/** on.next: another stranger is wanted; on.cancel: none is; on.noShow: the stranger never came, and the server looks on for us. */
export function initChat(connection, on) {
  socket = connection;
  findNext = on.next;
  onNoShow = on.noShow;
  onClick('leave-button', leave.press);
  onClick('next-now', () => {
    endChat('You left.');
    findNext(); // one request, which ends the chat as well
  });
  onClick('stay', () => {
    leave.calm();
    focusComposer();
  });
  onClick('next-button', findNext);
  onClick('home-button', on.cancel);
  onClick('save-button', () => {
    more.open = false;
    transcriptModule().then(({ saveTranscript }) => saveTranscript(transcript()), () => addNote('It could not be saved. Please try again.'));
  });
  onClick('block-button', block.press);
  onClick('report-button', () => showReportMenu(reportMenu.hidden));
  onClick('report-cancel', () => showReportMenu(false));
  for (const button of reportMenu.querySelectorAll('[data-reason]')) {
    button.addEventListener('click', () => endWith('report', { reason: button.dataset.reason },
      'Thank you. Reports from several people lock someone out. You will not meet again.'));
  }
  document.addEventListener('click', event => {
    if (!more.contains(event.target)) more.open = false;
  });
  initComposer({
    send: sendText,
    typing: active => isChatting() && socket.send('typing', { active }),
    edit: leave.calm,
  });
  onClick('camera-button', () => withCall(() => call.pressVideo()));
  guardLinks($('messages'), focusComposer);
  press($('keep-nothing'), recall('keepsNothing', false) === true);
  onClick('keep-nothing', () => {
    press($('keep-nothing'), !keepsNothing());
    remember('keepsNothing', keepsNothing());
    keepNow();
  });
  initWaysOut(isChatting, () => isChatting() && !(socket.canReturn && survives()), () => isChatting() ? pressLeave('Back') : on.cancel());
}

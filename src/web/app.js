// app.js: what the user is doing (idle, waiting for a connection to search by, searching, chatting), the three views, and what the
// server's messages mean for them (src/wire/README.md).

import { $, isPressed, onClick, press } from './dom.js';
import { chatModule, firstWordModule } from './later.js';
import { Socket } from './socket.js';
import { SHUT_OUT, TAKEN_OVER, explain, lossWords, refusalWords } from './words.js';
import { addBroader, commitInterests, currentInterests, showStartError } from './chips.js';
import { closeSearch, countUs, fallbackAfterMs, initSearch, openSearch, refreshStats, searchAsked, showSearchTrouble } from './search.js';
import { dropInvitation, friendInterest, invite, invitedBy, takeInvitation } from './friend.js';
import { bring, claim, forgetKept, giveWhenAsked, keepNow, keepWhat, recallKept, release, survives } from './kept.js';
import { setBell, titleView } from './notify.js';

const RETRY_SEARCH_MS = 2000; // the second time twice that: who has skipped too many waits for up to 5 s (actors/limits.c)
const FAILURES_BORNE = 3;
const LOOKS_ON_MS = 4000;
const ANYONE = 'anyone'; // the interest of who names none: the server wants one

const banner = $('banner');

let chat = null; // chat.js, which comes while the user says what to talk about
let phase = 'idle';
let kind = 'interests'; // what is searched by; or 'anyone', 'friend'
let isConnected = false;
let wasConnected = false; // ever
let isShutOut = false;    // reported too often; no further connection is tried
let submitted = '';       // under this connection
let failures = 0;         // of this search, in a row
let hasFailed = false;    // since the server was last asked
let retryTimer = 0;
let looksOnUntil = 0;     // so long the reason for it is shown
let keptAs = '';          // the name of the chat's lock

// Views.

const TITLES = { start: '', search: 'Looking…', chat: 'Chatting' };

function show(name) {
  for (const view in TITLES) $(`${view}-view`).hidden = view !== name;
  if (name !== 'search') closeSearch();
  titleView(TITLES[name]);
}

function drawStart() {
  const isInvited = invitedBy() !== '';
  $('invitation').hidden = !isInvited;
  $('interests').hidden = $('anyone-start').hidden = isInvited;
  $('start-button').textContent = !isConnected && !isShutOut ? 'Connecting…' : isInvited ? 'Meet your friend' : 'Start chatting';
  $('start-hint').textContent = phase === 'waiting' ? 'We start as soon as you are connected. Esc cancels.' : '';
}

function goToStart(problem = '') {
  phase = 'idle';
  clearTimeout(retryTimer);
  show('start');
  drawStart();
  showStartError(problem);
  $(problem && !invitedBy() ? 'interest-input' : 'start-title').focus();
}

// Searching.

function wanted() {
  if (kind === 'friend') return [friendInterest()];
  return kind === 'anyone' ? [ANYONE] : currentInterests();
}

function submit() {
  const interests = wanted();
  if (JSON.stringify(interests) !== submitted) socket.send('submit_interests', { interests });
  submitted = JSON.stringify(interests);
}

function askForSearch(type) {
  clearTimeout(retryTimer);
  hasFailed = false;
  submit();
  socket.send(type, { fallback_after_ms: fallbackAfterMs() });
  searchAsked();
}

/** Without a connection, and a view to chat in, there is no search; they begin it when they come. */
function search(type) {
  failures = 0;
  if (isShutOut) return goToStart(lossWords(SHUT_OUT));
  if (wanted().length === 0) return goToStart(); // after a friend's link
  if (!isConnected || !chat) {
    goToStart();
    phase = 'waiting';
    fetchChat();
    return drawStart();
  }
  phase = 'searching';
  show('search');
  openSearch(kind);
  askForSearch(type);
  firstWordModule().catch(() => {}); // the match may come soon
  $('search-title').focus();
}

const searchNext = () => search('next');

async function fetchChat() {
  try {
    const module = await chatModule();
    if (!chat) module.initChat(socket, { next: searchNext, cancel, noShow: lookOn });
    chat = module;
    if (phase === 'waiting' && isConnected) search('start_matching');
  } catch {
    if (phase === 'waiting' && isConnected) goToStart('The page did not load whole. Try again, or reload it.');
  }
}

function start() {
  if (invitedBy()) {
    takeInvitation();
    kind = 'friend';
    return search('start_matching');
  }
  kind = 'interests';
  const isClean = commitInterests();
  if (isClean && currentInterests().length) return search('start_matching');
  if (isClean) showStartError('Name at least one interest, or talk to anyone.');
  $('interest-input').focus();
}

/** Whatever was wanted. */
function cancel() {
  if (phase === 'idle') return;
  if (phase === 'searching') socket.send('end_matching');
  pressBell(false);
  goToStart();
}

/** Whatever the server takes us to be doing: under a new connection we do nothing. */
function startOver(problem) {
  lose();
  socket.renew();
  goToStart(problem);
}

function pressBell(isSet) {
  press($('bell'), isSet);
  setBell(isSet);
  refreshStats();
}

/** The stranger never came, and the server looks for another one without being asked. */
function lookOn() {
  phase = 'searching';
  failures = 0;
  hasFailed = false;
  show('search');
  openSearch(kind);
  showSearchTrouble('Stranger did not show up. Looking on…');
  looksOnUntil = performance.now() + LOOKS_ON_MS;
  setTimeout(() => phase === 'searching' && !hasFailed && showSearchTrouble(''), LOOKS_ON_MS);
}

async function inviteFriend() {
  const words = await invite();
  if (words === '' || phase !== 'searching') return;
  $('invite-status').textContent = words;
  kind = 'friend';
  openSearch(kind);
  askForSearch('next');
}

// What the server says.

/** A search that was refused is asked for again, but not for ever. */
function onSearchError(code, request) {
  if (request === 'submit_interests' || code === 'no_interests') submitted = '';
  if (code === 'matching_unavailable' && request !== 'submit_interests') return showSearchTrouble(explain(code)); // it is kept, and goes on by itself
  if (hasFailed) return;
  hasFailed = true;
  failures++;
  if (code === 'invalid_interests' || failures === FAILURES_BORNE) return startOver(explain(code));
  showSearchTrouble(explain(code, 'we try'));
  retryTimer = setTimeout(askForSearch, RETRY_SEARCH_MS * failures, 'next');
}

function onError({ code, request }) {
  const isOfSearch = ['start_matching', 'next', 'submit_interests'].includes(request);
  if (request === 'end_matching' || request === 'end_chat') {
    // A match, or an end, that crossed with ours is dealt with when it comes.
    if (code === 'already_chatting' || code === 'not_in_chat' || phase === 'searching') return;
    startOver(explain(code));
  } else if (isOfSearch || (phase === 'searching' && !request)) {
    if (phase === 'searching') onSearchError(code, request);
  } else if (phase === 'chatting') {
    chat.onChatError(code, request);
  } else if (phase === 'idle') {
    showStartError(explain(code));
  }
}

function welcome() {
  isConnected = wasConnected = true;
  banner.textContent = '';
  $('bring-here').hidden = true;
  countUs(true); // only now are we counted ourselves
}

const events = {
  /** A new session: nothing is known of an earlier one. */
  connection_established() {
    submitted = '';
    welcome();
    chat?.loseChat();
    if (phase === 'waiting') search('start_matching');
    else drawStart();
  },

  /** The session that we had. Whatever has happened in it meanwhile follows. */
  resumed({ state, match_id }) {
    welcome();
    socket.sendPending();
    if (chat?.isChatting()) {
      chat.comeBack(state === 'chatting' && chat.isOf(match_id));
    } else if (phase === 'waiting' && state === 'chatting' && !chat?.wasOf(match_id)) {
      phase = 'searching'; // and has found somebody
    } else if (phase === 'waiting') {
      search('next');
    } else {
      if (state === 'searching') socket.send('end_matching');
      drawStart();
    }
  },

  no_match() {
    if (chat?.isChatting()) { // our 'next' crossed with a match, and has ended it and gone on searching
      chat.endChat('You left.');
      searchNext();
    } else if (phase === 'searching' && !hasFailed && performance.now() > looksOnUntil) {
      failures = 0;
      showSearchTrouble('');
    }
  },

  success_matched(data) {
    // A match that crossed with our cancelling or leaving is not wanted any more.
    if (phase !== 'searching' && !chat?.isChatting()) return socket.send('end_chat');
    const shared = Array.isArray(data.common_interests) ? data.common_interests.filter(each => typeof each === 'string') : [];
    const isFriend = kind === 'friend' && shared.includes(friendInterest());
    clearTimeout(retryTimer);
    phase = 'chatting';
    keptAs = String(Math.random());
    claim(keptAs);
    show('chat');
    chat.openChat(data, isFriend ? [] : shared.filter(interest => interest !== ANYONE), isFriend);
    if (isFriend) kind = 'interests';
    pressBell(false);
  },

  error: onError,
};

function onMessage({ type, data }) {
  const handlers = Object.hasOwn(events, type) ? events : chat?.chatEvents ?? {};
  if (Object.hasOwn(handlers, type)) handlers[type](data ?? {});
}

/** The connection has ended, and the server's memory of us with it, unless we may return. */
function lose(why, mayReturn = false) {
  isConnected = false;
  countUs(false);
  clearTimeout(retryTimer);
  if (mayReturn) chat?.goAway();
  else chat?.loseChat(why);
  if (phase === 'searching') search();
  drawStart();
}

async function onLost(code, wasOpen, mayReturn) {
  const words = lossWords(code, wasConnected, chat?.isChatting());
  isShutOut = code === SHUT_OUT;
  if (mayReturn && chat?.isChatting()) return lose('', true);
  banner.textContent = words;
  $('bring-here').hidden = code !== TAKEN_OVER;
  lose(code === TAKEN_OVER ? words : undefined, mayReturn);
  if (code === TAKEN_OVER && phase === 'waiting') goToStart();
  if (wasOpen || code !== 1006) return;
  const more = await refusalWords();
  if (!isConnected && more) banner.textContent = more;
}

// What the user does.

document.addEventListener('keydown', event => {
  const isOurs = event.key === 'Escape' && !event.repeat && !event.isComposing && event.keyCode !== 229;
  if (!isOurs || phase === 'idle') return;
  event.preventDefault();
  if (phase === 'chatting') chat.onEscape();
  else cancel();
});

$('start-form').addEventListener('submit', event => {
  event.preventDefault();
  start();
});
onClick('anyone-start', () => {
  kind = 'anyone';
  search('start_matching');
});
onClick('invitation-decline', () => {
  dropInvitation();
  drawStart();
});
onClick('cancel-button', cancel);
onClick('bell', () => pressBell(!isPressed($('bell'))));
onClick('invite', inviteFriend);
onClick('bring-here', async () => {
  if (await bring(keptAs)) location.reload();
  else socket.renew();
});
addEventListener('hashchange', drawStart);

for (const sign of ['pointerdown', 'keydown', 'focusin']) addEventListener(sign, fetchChat, { once: true });

const socket = new Socket({
  message: onMessage,
  taken: n => chat?.taken(n),
  lost: onLost,
  keep: keepNow,
  isChatting: () => Boolean(chat?.isChatting()),
});
initSearch(() => askForSearch('next'), () => {
  addBroader();
  submit(); // the search goes on; `next` might end the chat that this finds
});
drawStart();

/** Either anew, or in the chat that was under way when this page was loaded again. */
async function begin() {
  const kept = recallKept();
  if (kept) $('start-view').hidden = true;
  if (kept && await claim(kept.name)) {
    await fetchChat();
    if (!chat) {
      banner.textContent = 'The page did not load whole. Please reload it.';
      return;
    }
    keptAs = kept.name;
    phase = 'chatting';
    show('chat');
    socket.adopt(kept);
    chat.restoreChat(kept);
  } else if (kept) {
    forgetKept(); // a copy, of another tab's
    show('start');
  }
  keepWhat(() => chat?.isChatting() && socket.canReturn ? { ...socket.snapshot(), ...chat.snapshot(), name: keptAs } : null);
  socket.connect();
}

begin();
giveWhenAsked(() => socket.standAside());

// Out of sight. A page that is kept for Back, or frozen, must not be matched with anybody: nobody would answer. A chat waits for a while. And
// a browser may end a frozen page's connection and say so when it wakes: a search over that one would find somebody, and lose him.

function goAway(isMemoryKept) {
  keepNow();
  const mayReturn = Boolean(chat?.isChatting()) && socket.canReturn && (isMemoryKept || survives());
  socket.pause(mayReturn);
  lose('You left the page, and the chat ended.', mayReturn);
}

addEventListener('pagehide', event => {
  goAway(event.persisted);
  release();
});
addEventListener('pageshow', event => {
  if (!event.persisted) return;
  const mayCompare = !chat?.isChatting() || survives();
  const token = chat?.isChatting() ? socket.token : '';
  if (mayCompare && (recallKept()?.token ?? '') !== token) return location.reload(); // another page of this tab has gone on meanwhile
  if (token) claim(keptAs);
  socket.resume();
});
document.addEventListener('freeze', () => (phase === 'searching' || chat?.isChatting()) && goAway(true));
document.addEventListener('resume', () => socket.resume());

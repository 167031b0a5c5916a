// call.js: video between two who both want it. Camera and microphone stay off until both have said yes:
// call-request, call-accept, each turns its devices on and says ready, the match's caller offers, the callee answers.
//
// Each signal carries the number of its call, which who asks has given: a yes that comes late is of a call that is no more. A stranger's
// client that gives none means the one under way. No phase lasts for ever, and none holds a camera for nothing.

import { $, element, isPressed, onClick, press } from './dom.js';

const CANDIDATES_KEPT = 64;
const ANSWER_MS = 30000;
const PICTURE_MS = 30000; // from the yes to the first picture
const OPENS_ADDRESS = ' It connects you directly, so each could see the other’s network address.';
const FAILED = 'The connection failed. You can go on writing.';
const LATE_MS = 60000; // so long after a way back, a broken connection may be due to the way there
const DECLINES_BORNE = 2; // in one chat; then the user is not asked again

const cameraButton = $('camera-button');
const prompt = $('call-prompt');
const panel = $('call');
const muteButton = $('mute-button');
const videoButton = $('video-button');
const darkButton = $('call-dark');
const remoteVideo = $('remote-video');

const isSupported = Boolean(navigator.mediaDevices?.getUserMedia && window.RTCPeerConnection);

/** Half of the devices is enough for half of a call. */
const WAYS = [
  [{ video: true, audio: true }, ''],
  [{ audio: true }, 'No camera found: voice only.'],
  [{ video: true }, 'No microphone found: picture only.'],
];
const VOICE = [[{ audio: true }, '']];

let sendSignal = null;
let isCutOff = null;
let note = null;
let phase = 'none'; // none, asking (we asked), asked (they did), on (both want it)
let isCaller = false;
let declines = 0;
let hasToldAddress = false; // in this chat
let number = 0;     // of the call in question
let lastNumber = 0; // that we gave: odd ones are the match's caller's, so that no two are the same
let call = null; // the one under way: what a browser API answers late for an older one is dropped
let peerIsReady = false;
let deadline = 0;
let isAgain = false;   // asking: for the call that we had
let backAt = -Infinity; // we, or the stranger, were away until then
let wantsPicture = true; // of the call under way
let restored = null;     // how its buttons were
let work = Promise.resolve();

const stopTracks = media => media?.getTracks().forEach(track => track.stop());
const signal = (kind, more) => sendSignal({ kind, call: number, ...more });

function enter(newPhase, lastsMs = 0, onDeadline = null) {
  phase = newPhase;
  clearTimeout(deadline);
  if (lastsMs) deadline = setTimeout(onDeadline, lastsMs);
  prompt.hidden = phase !== 'asked' && (phase !== 'asking' || isAgain);
  panel.hidden = phase !== 'on';
  $('chat-view').classList.toggle('calling', phase === 'on');
  $('call-accept').hidden = $('call-voice').hidden = phase !== 'asked';
  darkButton.hidden = phase !== 'asking';
  $('call-decline').textContent = phase === 'asked' ? 'No' : 'Cancel';
  cameraButton.replaceChildren(...phase === 'asking' ? ['Cancel', element('span', 'wide-only', ' video')] : ['Video']);
  cameraButton.ariaLabel = phase === 'asking' ? 'Cancel video' : null; // on a phone the title needs the room
  cameraButton.hidden = phase === 'on';
  $('call-text').textContent = phase === 'asked' ? `Stranger asks for a video call.${aboutAddress()}`
    : phase === 'asking' ? `Asked. Your camera is off until Stranger agrees.${aboutAddress()}` : '';
}

/** Once in a chat. */
function aboutAddress() {
  const words = hasToldAddress ? '' : OPENS_ADDRESS;
  hasToldAddress = true;
  return words;
}

/** Says nothing to the partner. Whether there was anything to see or hear. */
function stop() {
  const ended = call;
  call = null;
  peerIsReady = isAgain = false;
  stopTracks(ended?.media);
  ended?.peer?.close();
  $('local-video').srcObject = null;
  remoteVideo.srcObject = null;
  const hadFocus = panel.contains(document.activeElement) || prompt.contains(document.activeElement);
  enter('none');
  if (hadFocus) $('chat-title').focus();
  return Boolean(ended?.isLive);
}

function hangUp(text) {
  signal('hang-up');
  stop();
  note(text);
}

/** What there is of camera and microphone, perhaps no track; and what to tell the user. Missing, busy and denied look alike. */
async function openDevices(wantsCamera) {
  for (const [wish, words] of wantsCamera ? WAYS : VOICE) {
    try {
      return { media: await navigator.mediaDevices.getUserMedia(wish), words };
    } catch {
      // The next way may do.
    }
  }
  return { media: new MediaStream(), words: 'No camera or microphone found: you only see and hear Stranger.' };
}

async function iceServers() {
  try {
    const config = await (await fetch('config')).json();
    return Array.isArray(config.ice_servers) ? config.ice_servers : [];
  } catch {
    return []; // enough where both are on one network
  }
}

function makePeer(current, servers) {
  const peer = new RTCPeerConnection({ iceServers: servers });
  const remote = new MediaStream();
  remoteVideo.srcObject = remote;
  peer.ontrack = event => remote.addTrack(event.track);
  peer.onicecandidate = event => {
    if (event.candidate && call === current) signal('candidate', { candidate: event.candidate.toJSON() });
  };
  peer.onconnectionstatechange = () => {
    if (call !== current) return;
    if (peer.connectionState === 'failed') onBroken();
    else if (peer.connectionState === 'connected' && !current.expectsPicture) goLive(current);
  };
  current.media.getTracks().forEach(track => peer.addTrack(track, current.media));
  if (isCaller) { // the offer must have room for what only the stranger has
    for (const kind of ['audio', 'video']) {
      if (!current.media.getTracks().some(track => track.kind === kind)) peer.addTransceiver(kind, { direction: 'recvonly' });
    }
  }
  return peer;
}

/** Both have said yes. */
async function begin(wantsCamera) {
  const current = { media: null, peer: null, candidates: [], expectsPicture: true, isLive: false };
  call = current;
  press(muteButton, Boolean(restored?.muted));
  press(videoButton, restored ? restored.dark : phase === 'asking' && isPressed(darkButton));
  restored = null;
  isAgain = false;
  wantsPicture = wantsCamera;
  enter('on', PICTURE_MS, () => hangUp(FAILED));
  $('call-status').textContent = 'Connecting…';
  videoButton.hidden = !wantsCamera;
  const [{ media, words }, servers] = await Promise.all([openDevices(wantsCamera), iceServers()]);
  if (call !== current) return stopTracks(media);
  if (words) note(words);
  takeDevices(current, media);
  current.peer = makePeer(current, servers);
  signal('ready', { video: media.getVideoTracks().length > 0 });
  offerIfReady();
}

function takeDevices(current, media) {
  current.media = media;
  for (const track of media.getTracks()) {
    track.enabled = !isPressed(track.kind === 'audio' ? muteButton : videoButton);
    track.onended = () => {
      if (call === current) note(`Your ${track.kind === 'audio' ? 'microphone' : 'camera'} was disconnected.`);
    };
  }
  const hasPicture = media.getVideoTracks().length > 0;
  $('local-video').srcObject = hasPicture ? media : null;
  $('local-video').hidden = videoButton.hidden = !hasPicture;
  muteButton.hidden = media.getAudioTracks().length === 0;
}

function goLive(current) {
  if (!current || current !== call || current.isLive) return;
  current.isLive = true;
  clearTimeout(deadline);
  $('call-status').textContent = current.expectsPicture ? '' : 'Stranger sends no picture.';
}

function offerIfReady() {
  const current = call;
  if (!isCaller || !peerIsReady || !current?.peer) return;
  peerIsReady = false; // one offer is enough
  enqueue(current, async () => {
    await current.peer.setLocalDescription();
    describe(current);
  });
}

function describe(current) {
  const { type, sdp } = current.peer.localDescription;
  if (call === current) signal(type, { sdp });
}

/** One step after the other, whatever the stranger sends meanwhile; what does not fit is ignored. */
function enqueue(current, step) {
  work = work.then(() => call === current ? step() : undefined).catch(() => {});
}

async function addHeldCandidates(current) {
  for (const candidate of current.candidates.splice(0)) {
    await current.peer.addIceCandidate(candidate).catch(() => {});
  }
}

async function takeDescription(current, type, sdp) {
  await current.peer.setRemoteDescription({ type, sdp });
  if (type === 'offer') {
    await current.peer.setLocalDescription();
    describe(current);
  }
  await addHeldCandidates(current);
}

function onDescription({ kind, sdp }) {
  const current = call;
  const isExpected = isCaller ? kind === 'answer' : kind === 'offer';
  if (typeof sdp === 'string' && isExpected && current?.peer) {
    enqueue(current, () => takeDescription(current, kind, sdp));
  }
}

function onCandidate({ candidate }) {
  const current = call;
  if (!current || typeof candidate?.candidate !== 'string' || current.candidates.length >= CANDIDATES_KEPT) return;
  current.candidates.push(candidate);
  enqueue(current, async () => {
    if (current.peer?.remoteDescription) await addHeldCandidates(current);
  });
}

/** What was broken by a way elsewhere is mended when both are back. */
function onBroken() {
  if (isCutOff()) $('call-status').textContent = 'Connecting…';
  else if (performance.now() - backAt < LATE_MS) callAgain(callState());
  else hangUp(FAILED);
}

/** What callAgain() needs, null without a call. */
export function callState() {
  if (phase !== 'on' && !isAgain) return null;
  return { lastNumber: Math.max(lastNumber, number), camera: wantsPicture, muted: isPressed(muteButton), dark: isPressed(videoButton) };
}

/** The call that we had, without asking anybody: both had said yes to it. */
export function callAgain(had) {
  if (!had || !isSupported) return;
  stop();
  backAt = -Infinity; // once
  const next = had.lastNumber + 1;
  number = lastNumber = (next % 2 === 1) === isCaller ? next : next + 1;
  wantsPicture = had.camera;
  restored = had;
  isAgain = true;
  enter('asking', ANSWER_MS, () => cancelAsking(FAILED));
  signal('call-request', { again: true });
}

/** We, or the stranger, are back. isOurs: it was we, so it is for us to mend it. */
export function cameBack(isOurs) {
  backAt = performance.now();
  if (isOurs && phase === 'on' && call?.peer?.connectionState !== 'connected') callAgain(callState());
}

function onRequest({ call: theirs, again }) {
  if (again === true && phase === 'on') {
    const had = callState();
    stop();
    number = theirs;
    restored = had;
    signal('call-accept');
    begin(had.camera);
    return;
  }
  if (again === true && phase !== 'asking') {
    number = theirs;
    signal('call-decline');
    return;
  }
  if (phase === 'asking') { // both asked at the same time: both want it, and it is the match's caller's call
    if (!isCaller) number = theirs;
    begin(isAgain ? wantsPicture : true);
  } else if (phase !== 'on') {
    number = theirs;
    if (isSupported && declines < DECLINES_BORNE) enter('asked', ANSWER_MS, refuseQuietly);
    else signal('call-decline');
  }
}

function refuseQuietly() {
  signal('call-decline');
  stop();
}

/** Whatever it was that the stranger has put an end to. */
function onEnd() {
  const was = phase;
  const wasAgain = isAgain;
  if (was === 'none') return;
  if (stop()) note('The call ended.');
  else if (wasAgain) note('The call ended.');
  else note(was === 'asked' ? 'Stranger no longer asks for a call.' : 'Stranger declined.');
}

function onReady({ video }) {
  peerIsReady = phase !== 'none';
  if (call) call.expectsPicture = video !== false;
  offerIfReady();
}

const signals = {
  'call-request': onRequest,
  'call-accept': () => phase === 'asking' && begin(isAgain ? wantsPicture : true),
  'call-decline': onEnd,
  'hang-up': onEnd,
  ready: onReady,
  offer: onDescription,
  answer: onDescription,
  candidate: onCandidate,
};

/** A signal is whatever a stranger's client wrote. */
export function onSignal(data) {
  if (typeof data?.kind !== 'string' || !Object.hasOwn(signals, data.kind)) return;
  const isOfAnother = data.call !== undefined && number !== undefined && data.call !== number;
  if (data.kind === 'call-request' || !isOfAnother) signals[data.kind](data);
}

export function openCall(role) {
  stop();
  isCaller = role === 'caller';
  lastNumber = isCaller ? -1 : 0;
  declines = 0;
  hasToldAddress = false;
  restored = null;
  backAt = -Infinity;
}

export const closeCall = stop;

/** A signal was refused: without it there is no call. */
export function failCall() {
  if (phase !== 'none') hangUp(FAILED);
}

/** What is pressed before the device is there holds for its first picture. */
function toggleTracks(button, kind) {
  press(button, !isPressed(button));
  call?.media?.getTracks().filter(track => track.kind === kind).forEach(track => { track.enabled = !isPressed(button); });
}

function cancelAsking(text) {
  signal('hang-up');
  stop();
  if (text) note(text);
}

/** The button of the bar was pressed. */
export function pressVideo() {
  if (phase === 'asking') {
    cancelAsking();
  } else if (phase === 'asked') {
    accept(true);
  } else if (!isSupported) {
    note('Video needs a secure (https) page and a browser that allows it.');
  } else if (phase === 'none') {
    number = lastNumber += 2;
    press(darkButton, false);
    enter('asking', ANSWER_MS, () => cancelAsking('No answer.'));
    signal('call-request');
  }
}

function accept(wantsCamera) {
  signal('call-accept');
  begin(wantsCamera);
  $('hangup-button').focus();
}

function decline() {
  if (phase === 'asking') {
    cancelAsking();
    return;
  }
  declines++;
  refuseQuietly();
}

/** on.signal(data) sends to the partner, on.note(text) tells the user, on.isCutOff(): one of the two is away. */
export function initCall(on) {
  sendSignal = on.signal;
  isCutOff = on.isCutOff;
  note = on.note;
  onClick('call-accept', () => accept(true));
  onClick('call-voice', () => accept(false));
  onClick('call-decline', decline);
  darkButton.addEventListener('click', () => press(darkButton, !isPressed(darkButton)));
  onClick('hangup-button', () => hangUp(call?.isLive ? 'The call ended.' : 'You called it off.'));
  muteButton.addEventListener('click', () => toggleTracks(muteButton, 'audio'));
  videoButton.addEventListener('click', () => toggleTracks(videoButton, 'video'));
  remoteVideo.addEventListener('playing', () => goLive(call));
}

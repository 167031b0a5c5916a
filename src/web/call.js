// call.js: video between two who both want it. Camera and microphone stay off until both have said yes:
// call-request, call-accept, each turns its camera on and says ready, the match's caller offers, the callee answers.

const CANDIDATES_KEPT = 64;
const OPENS_ADDRESS = 'A video call connects you directly: each of you could learn the other’s network address.';
const DECLINES_BORNE = 2; // in one chat; then the user is not asked again

const $ = id => document.getElementById(id);
const cameraButton = $('camera-button');
const prompt = $('call-prompt');
const panel = $('call');
const muteButton = $('mute-button');
const videoButton = $('video-button');

const isSupported = Boolean(navigator.mediaDevices?.getUserMedia && window.RTCPeerConnection);

let sendSignal = null;
let note = null;
let phase = 'none'; // none, asking (we asked), asked (they did), on (both want it)
let isCaller = false;
let declines = 0;
let call = null; // the one under way: what a browser API answers late for an older one is dropped
let peerIsReady = false;
let work = Promise.resolve();

function enter(newPhase) {
  phase = newPhase;
  prompt.hidden = phase !== 'asked';
  panel.hidden = phase !== 'on';
  cameraButton.textContent = phase === 'asking' ? 'Cancel video' : 'Video';
  cameraButton.hidden = phase === 'on';
  $('call-text').textContent = phase === 'asked'
    ? `Stranger would like to talk with video. ${OPENS_ADDRESS}`
    : '';
}

const press = (button, isPressed) => button.setAttribute('aria-pressed', String(isPressed));
const stopTracks = media => media?.getTracks().forEach(track => track.stop());

/** Says nothing to the partner. */
function stop() {
  const ended = call;
  call = null;
  peerIsReady = false;
  stopTracks(ended?.media);
  ended?.peer?.close();
  $('local-video').srcObject = null;
  $('remote-video').srcObject = null;
  const hadFocus = panel.contains(document.activeElement) || prompt.contains(document.activeElement);
  enter('none');
  if (hadFocus) $('chat-title').focus();
}

function hangUp(text) {
  sendSignal({ kind: 'hang-up' });
  stop();
  note(text);
}

async function iceServers() {
  try {
    const config = await (await fetch('/config')).json();
    return Array.isArray(config.ice_servers) ? config.ice_servers : [];
  } catch {
    return []; // enough where both are on one network
  }
}

function makePeer(current, servers) {
  const peer = new RTCPeerConnection({ iceServers: servers });
  const remote = new MediaStream();
  $('remote-video').srcObject = remote;
  peer.ontrack = event => remote.addTrack(event.track);
  peer.onicecandidate = event => {
    if (event.candidate && call === current) sendSignal({ kind: 'candidate', candidate: event.candidate.toJSON() });
  };
  peer.onconnectionstatechange = () => {
    if (call === current && peer.connectionState === 'failed') hangUp('The video connection failed.');
  };
  current.media.getTracks().forEach(track => peer.addTrack(track, current.media));
  return peer;
}

/** Both have said yes. */
async function begin() {
  const current = { media: null, peer: null, candidates: [] };
  call = current;
  press(muteButton, false);
  press(videoButton, false);
  enter('on');
  try {
    const [media, servers] = await Promise.all([
      navigator.mediaDevices.getUserMedia({ video: true, audio: true }),
      iceServers(),
    ]);
    current.media = media;
    if (call !== current) return stopTracks(media);
    current.peer = makePeer(current, servers);
  } catch {
    if (call === current) hangUp('Your camera or microphone could not be used, so there is no video.');
    return;
  }
  $('local-video').srcObject = current.media;
  sendSignal({ kind: 'ready' });
  offerIfReady();
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
  if (call === current) sendSignal({ kind: type, sdp });
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

function onRequest() {
  if (phase === 'asking') {
    begin(); // both asked at the same time: both want it
  } else if (phase === 'none') {
    if (isSupported && declines < DECLINES_BORNE) enter('asked');
    else sendSignal({ kind: 'call-decline' });
  }
}

function onDecline() {
  if (phase !== 'asking') return;
  stop();
  note('Stranger would rather not use video.');
}

function onHangUp() {
  const wasOn = phase === 'on';
  if (phase === 'none') return;
  stop();
  if (wasOn) note('Stranger has ended the video call.');
}

const signals = {
  'call-request': onRequest,
  'call-accept': () => phase === 'asking' && begin(),
  'call-decline': onDecline,
  'hang-up': onHangUp,
  ready: () => {
    peerIsReady = phase !== 'none';
    offerIfReady();
  },
  offer: onDescription,
  answer: onDescription,
  candidate: onCandidate,
};

/** A signal is whatever a stranger's client wrote. */
export function onSignal(data) {
  if (typeof data?.kind === 'string' && Object.hasOwn(signals, data.kind)) signals[data.kind](data);
}

export function openCall(role) {
  stop();
  isCaller = role === 'caller';
  declines = 0;
}

export const closeCall = stop;

function toggleTracks(button, kind) {
  if (!call?.media) return;
  const isOff = button.getAttribute('aria-pressed') !== 'true';
  call.media.getTracks().filter(track => track.kind === kind).forEach(track => { track.enabled = !isOff; });
  press(button, isOff);
}

function ask() {
  if (phase === 'asking') {
    sendSignal({ kind: 'hang-up' });
    enter('none');
  } else if (phase === 'asked') {
    accept();
  } else if (!isSupported) {
    note('Video needs a secure (https) page and a browser that allows it.');
  } else if (phase === 'none') {
    enter('asking');
    sendSignal({ kind: 'call-request' });
    note(`You asked for video. Your camera stays off until Stranger says yes. ${OPENS_ADDRESS}`);
  }
}

function accept() {
  sendSignal({ kind: 'call-accept' });
  begin();
  $('hangup-button').focus();
}

function decline() {
  declines++;
  sendSignal({ kind: 'call-decline' });
  stop();
}

/** on.signal(data) sends to the partner, on.note(text) tells the user. */
export function initCall(on) {
  sendSignal = on.signal;
  note = on.note;
  cameraButton.addEventListener('click', ask);
  $('call-accept').addEventListener('click', accept);
  $('call-decline').addEventListener('click', decline);
  $('hangup-button').addEventListener('click', () => hangUp('You have ended the video call.'));
  muteButton.addEventListener('click', () => toggleTracks(muteButton, 'audio'));
  videoButton.addEventListener('click', () => toggleTracks(videoButton, 'video'));
}

// Video with Chromium's fake camera: both must agree, the picture moves, and it ends on both sides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, plays, state } from './calls.js';
import { useWorld, waitFor } from './harness.js';

const world = useWorld();

test('a call: asked, accepted, seen by both, hung up, and again from the other side', async () => {
  const [a, b] = await world.pair();
  await call(a, b);
  await a.say('I see you');
  await b.sees('I see you');
  await a.$('#hangup-button').click();
  await b.sees('The call ended.');
  for (const user of [a, b]) {
    assert.ok(await user.$('#call').isHidden());
    assert.ok(!(await state(user, '#local-video')).has, 'the camera is off');
  }
  await call(b, a);
});

test('both ask at the same time', async () => {
  const [a, b] = await world.pair();
  await Promise.all([a.$('#camera-button').click(), b.$('#camera-button').click()]);
  for (const user of [a, b]) {
    const accept = user.$('#call-accept');
    if (await accept.isVisible()) await accept.click({ timeout: 1000 }).catch(() => {});
  }
  await Promise.all([plays(a), plays(b)]);
});

test('microphone and camera can be turned off', async () => {
  const [a, b] = await world.pair();
  await call(a, b);
  const enabled = kind => a.$('#local-video').evaluate((video, wanted) =>
    video.srcObject.getTracks().find(track => track.kind === wanted).enabled, kind);
  await a.$('#mute-button').click();
  assert.equal(await enabled('audio'), false);
  assert.equal(await enabled('video'), true);
  await a.$('#video-button').click();
  assert.equal(await enabled('video'), false);
  assert.equal(await a.$('#video-button').getAttribute('aria-pressed'), 'true');
  await a.$('#mute-button').click();
  assert.equal(await enabled('audio'), true);
});

test('a call that is not wanted is declined, twice at most', async () => {
  const [a, b] = await world.pair();
  for (let time = 0; time < 2; time++) {
    await a.$('#camera-button').click();
    await b.$('#call-decline').click();
    await waitFor(async () => await a.$('#camera-button').textContent() === 'Video', 'the answer');
  }
  await a.$('#camera-button').click();
  await waitFor(async () => await a.$('#camera-button').textContent() === 'Video', 'the third answer');
  assert.ok(await b.$('#call-prompt').isHidden());
});

test('a chat that ends takes the call along', async () => {
  const [a, b] = await world.pair();
  await call(a, b);
  await b.leave();
  await a.hasEnded();
  for (const user of [a, b]) {
    assert.ok(await user.$('#call').isHidden());
    assert.ok(!(await state(user, '#local-video')).has);
  }
});

/** The own tracks of a user, seen from where they are made: what is still live is heard and seen by somebody. */
async function watchDevices(user, refusal = '') {
  await user.page.evaluate(missing => {
    window.tracks = [];
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async wish => {
      if (missing.split(' ').some(kind => wish[kind])) throw new DOMException('', 'NotFoundError');
      const media = await open(wish);
      window.tracks.push(...media.getTracks());
      return media;
    };
  }, refusal);
}

const live = user => user.page.evaluate(() => window.tracks.filter(track => track.readyState === 'live').length);
const signal = (kind, more) => ['webrtc_signal', { kind, ...more }];

test('a late yes to a call that was cancelled, and then a no: no camera stays on', async () => {
  for (const isNumbered of [true, false]) {
    const [user, script] = await world.scripted({}, `late ${isNumbered}`);
    await watchDevices(user);
    await user.$('#camera-button').click();
    await user.$('#camera-button').click();
    await user.$('#camera-button').click();
    await waitFor(async () => (await script.heard('webrtc_signal')).filter(({ data }) => data.kind === 'call-request').length === 2, 'both');
    const requests = (await script.heard('webrtc_signal')).filter(({ data }) => data.kind === 'call-request');
    const numbered = index => isNumbered ? { call: requests[index].data.call } : {};
    assert.notEqual(requests[0].data.call, requests[1].data.call);
    await script.send(signal('call-accept', numbered(0)));
    await script.send(signal('call-decline', numbered(1)));
    await user.sees('Stranger declined.');
    await waitFor(async () => await live(user) === 0, 'every track to end', 1000);
    assert.ok(await user.$('#call').isHidden());
    await user.leave();
  }
});

test('what belongs to another call is not heeded', async () => {
  const [user, script] = await world.scripted();
  await script.send(signal('call-request', { call: 7 }));
  await user.$('#call-prompt').waitFor();
  await script.send(signal('hang-up', { call: 5 }), ['chat_message', { message: 'after it' }]);
  await user.sees('after it');
  assert.ok(await user.$('#call-prompt').isVisible());
  await script.send(signal('hang-up', { call: 7 }));
  await user.$('#call-prompt').waitFor({ state: 'hidden' });
});

test('the note about addresses stands once in a chat', async () => {
  const [user, script] = await world.scripted();
  await user.$('#camera-button').click();
  await waitFor(async () => /network address/.test(await user.$('#call-text').textContent()), 'the note'); // what calls need is fetched first
  await user.$('#call-decline').click();
  await script.send(signal('call-request', { call: 2 }));
  await waitFor(async () => await user.$('#call-text').textContent() === 'Stranger asks for a video call.', 'the question');
});

test('no answer, no picture: after 30 seconds it is over', async () => {
  const [user, script] = await world.scripted();
  await watchDevices(user);
  await user.page.clock.install();
  await user.$('#camera-button').click();
  await user.$('#call-prompt').waitFor(); // the page fetches what a call needs
  await user.page.clock.runFor(29000);
  assert.ok(await user.$('#call-prompt').isVisible());
  await user.page.clock.runFor(2000);
  await user.sees('No answer.');
  assert.equal(await user.$('#camera-button').textContent(), 'Video');
  await script.send(signal('call-request', { call: 9 }));
  await user.$('#call-accept').click();
  await waitFor(async () => await live(user) === 2, 'the devices');
  assert.equal(await user.$('#call-status').textContent(), 'Connecting…');
  await user.page.clock.runFor(31000);
  await user.sees('The connection failed. You can go on writing.');
  await waitFor(async () => await live(user) === 0, 'the devices to be off', 1000);
  await script.send(signal('call-request', { call: 11 }));
  await user.$('#call-prompt').waitFor();
  await user.page.clock.runFor(31000);
  assert.ok(await user.$('#call-prompt').isHidden());
});

for (const [missing, words] of [['video', 'No camera found: voice only.'], ['audio', 'No microphone found: picture only.'],
  ['video audio', 'No camera or microphone found: you only see and hear Stranger.']]) {
  for (const asker of ['who has all', 'who has less']) {
    test(`without ${missing}, asked by ${asker}: half a call`, async () => {
      const [whole, half] = await world.pair(`half ${missing} ${asker}`);
      await watchDevices(half, missing);
      const [a, b] = asker === 'who has all' ? [whole, half] : [half, whole];
      await a.$('#camera-button').click();
      await b.$('#call-accept').click();
      await half.sees(words);
      await plays(half);
      if (missing === 'audio') await plays(whole);
      else await waitFor(async () => await whole.$('#call-status').textContent() === 'Stranger sends no picture.', 'the reason');
      await whole.$('#hangup-button').click();
      await half.sees('The call ended.');
    });
  }
}

test('the own picture can be off before the first frame, and a camera that is unplugged is said', async () => {
  const [a, b] = await world.pair();
  await watchDevices(a);
  await a.$('#camera-button').click();
  await a.$('#call-dark').click();
  await b.$('#call-accept').click();
  await plays(a);
  const enabled = () => a.page.evaluate(() => window.tracks.map(track => track.enabled).join());
  assert.match(await enabled(), /false/);
  await a.$('#video-button').click();
  assert.equal(await enabled(), 'true,true');
  await a.page.evaluate(() => window.tracks.find(track => track.kind === 'video').dispatchEvent(new Event('ended')));
  await a.sees('Your camera was disconnected.');
});

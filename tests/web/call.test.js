// Video with Chromium's fake camera: both must agree, the picture moves, and it ends on both sides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useWorld, waitFor } from './harness.js';

const world = useWorld();

const state = (user, id) => user.$(id).evaluate(video => ({ width: video.videoWidth, time: video.currentTime, has: video.srcObject !== null }));

/** The stranger's picture is there and moves. */
async function plays(user) {
  const { time } = await waitFor(async () => {
    const now = await state(user, '#remote-video');
    return now.width > 0 && now.time > 0 && now;
  }, 'the first picture');
  await waitFor(async () => (await state(user, '#remote-video')).time > time + 0.3, 'the picture to move');
}

async function call(a, b) {
  await a.$('#camera-button').click();
  await b.$('#call-prompt').waitFor();
  assert.ok(!(await state(a, '#local-video')).has, 'no camera before both agree');
  assert.ok(!(await state(b, '#local-video')).has);
  await b.$('#call-accept').click();
  await a.$('#call').waitFor();
  await Promise.all([plays(a), plays(b)]);
}

test('a call: asked, accepted, seen by both, hung up, and again from the other side', async () => {
  const [a, b] = await world.pair();
  await call(a, b);
  await a.say('I see you');
  await b.sees('I see you');
  await a.$('#hangup-button').click();
  await b.sees('Stranger has ended the video call.');
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
  await waitFor(async () => await a.$('.note').getByText('Stranger would rather not use video.').count() === 3, 'the third answer');
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

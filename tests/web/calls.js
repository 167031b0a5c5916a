// calls.js: two users who call each other.

import assert from 'node:assert/strict';
import { waitFor } from './harness.js';

/** Of a video element. */
export const state = (user, id) => user.$(id).evaluate(video => ({ width: video.videoWidth, time: video.currentTime, has: video.srcObject !== null }));

/** The stranger's picture is there and moves. */
export async function plays(user) {
  const { time } = await waitFor(async () => {
    const now = await state(user, '#remote-video');
    return now.width > 0 && now.time > 0 && now;
  }, 'the first picture');
  await waitFor(async () => (await state(user, '#remote-video')).time > time + 0.3, 'the picture to move');
}

export async function call(a, b) {
  await a.$('#camera-button').click();
  await b.$('#call-prompt').waitFor();
  assert.ok(!(await state(a, '#local-video')).has, 'no camera before both agree');
  assert.ok(!(await state(b, '#local-video')).has);
  await b.$('#call-accept').click();
  await a.$('#call').waitFor();
  await Promise.all([plays(a), plays(b)]);
}

// Every error code for every request: one sentence that can be seen, and an end. And whatever a text field can hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useWorld, waitFor } from './harness.js';

const world = useWorld();

const CODES = ['invalid_json', 'invalid_request', 'unknown_type', 'invalid_interests', 'no_interests', 'already_chatting', 'not_in_chat',
  'message_empty', 'message_too_long', 'rate_limited', 'matching_unavailable', 'server_busy', 'a_code_of_tomorrow'];

/** A user whose server grants everything but what `refusals` names, and which can be made to say anything. */
async function withServer(refusals) {
  const user = await world.user();
  const asked = [];
  let say = null;
  await user.page.routeWebSocket(/textchat/, route => {
    say = (type, data) => route.send(JSON.stringify({ type, data }));
    say('connection_established', { user_id: 'u' });
    route.onMessage(text => {
      const { type } = JSON.parse(text);
      asked.push(type);
      if (type in refusals) say('error', refusals[type]);
      else if (type === 'ack') say('error', { code: 'unknown_type', request: 'ack' });
      else if (type === 'start_matching' || type === 'next') say('no_match');
    });
  });
  await user.page.reload();
  await user.connected();
  return { user, asked, refusals, say: (...event) => say(...event) };
}

const sentence = user => user.page.evaluate(() => ['start-error', 'search-status', 'banner']
  .map(id => document.getElementById(id)).filter(element => element.checkVisibility())
  .map(element => element.textContent).filter(text => text && !text.startsWith('…or') && !text.startsWith('Shared')).join(' '));
const clockRuns = user => user.$('#elapsed').isVisible();

test('a search that is refused says why, tries again twice at most, and ends with the reason', async () => {
  const { user, asked, refusals } = await withServer({});
  await user.page.clock.install();
  for (const request of ['submit_interests', 'start_matching']) {
    for (const code of CODES) {
      const what = `${request}, ${code}`;
      for (const key of Object.keys(refusals)) delete refusals[key];
      refusals[request] = { code, request };
      if (request === 'start_matching') refusals.next = { code, request: 'next' };
      await user.like(`${request} ${CODES.indexOf(code)}`);
      asked.length = 0;
      await user.$('#start-button').click();
      await waitFor(() => sentence(user), `a sentence for ${what}`);
      assert.ok(!await clockRuns(user), what);
      for (let i = 0; i < 5; i++) await user.page.clock.runFor(3000);
      assert.notEqual(await sentence(user), '', what);
      assert.ok(!await clockRuns(user), what);
      const tries = asked.filter(type => type === request || type === 'next').length;
      assert.ok(tries <= 6, `${what}: asked ${tries} times`);
      if (code === 'matching_unavailable') await user.page.keyboard.press('Escape');
      await user.$('#start-view').waitFor();
      await user.connected();
      await user.page.getByRole('button', { name: /^Remove/ }).first().click();
    }
  }
});

test('a search that came too soon is asked for again until a skip is earned, which takes up to 5 s', async () => {
  const { user, asked, refusals } = await withServer({ start_matching: { code: 'rate_limited', request: 'start_matching' } });
  refusals.next = { code: 'rate_limited', request: 'next' };
  await user.page.clock.install();
  await user.like('haste');
  const now = () => user.page.evaluate(() => performance.now());
  const triesAgain = () => asked.filter(type => type === 'next').length;
  const began = await now();
  await user.$('#start-button').click();
  for (const times of [1, 2]) {
    await waitFor(async () => await sentence(user) === 'That was fast. Wait a moment, then we try again.', 'the reason');
    if (times === 2) delete refusals.next;
    while (triesAgain() < times) await user.page.clock.runFor(200);
  }
  assert.ok(await now() - began >= 5000);
  await waitFor(() => clockRuns(user), 'the search to run');
  assert.equal(await sentence(user), '');
});

test('what is refused in a chat is marked, said, and can be tried again while the chat goes on', async () => {
  const { user, asked, refusals, say } = await withServer({});
  await user.search('refusals');
  const meet = async () => {
    say('success_matched', { role: 'caller', match_id: 'm', common_interests: ['refusals'] });
    await user.isChatting();
  };
  const lastNote = () => user.$('.note').last().textContent();
  for (const request of ['chat_message', undefined]) {
    for (const code of CODES) {
      await meet();
      refusals.chat_message = { code, request };
      const before = await lastNote();
      await user.say('refuse me');
      await user.$('.unsent').waitFor();
      await waitFor(async () => await lastNote() !== before, `a sentence for ${request}, ${code}`);
      delete refusals.chat_message;
      if (code === 'not_in_chat') {
        await user.hasEnded();
        assert.equal(await user.$('.mark').textContent(), 'Not delivered');
      } else {
        await user.page.getByRole('button', { name: 'Not delivered. Tap to try again.' }).click();
        await user.$('.mine:not(.unsent)').waitFor();
        assert.equal(await user.$('.mine').count(), 1);
        await user.leave();
      }
      await user.$('#next-button').click();
      await user.$('#search-view').waitFor();
    }
  }
  for (const request of ['block', 'report', 'webrtc_signal', 'typing', 'end_chat']) {
    for (const code of CODES) {
      await meet();
      const before = await lastNote();
      if (request === 'block' || request === 'report') {
        await user.leave();
        asked.length = 0;
      } else if (request === 'webrtc_signal') {
        asked.length = 0;
        await user.$('#camera-button').click();
        await waitFor(() => asked.includes('webrtc_signal'), 'the call to be asked for'); // by a module that comes now
      } else if (request === 'end_chat') {
        await user.leave();
      }
      say('error', { code, request });
      await waitFor(async () => await lastNote() !== before, `a sentence for ${request}, ${code}`);
      if (await user.$('#chat-view:not(.ended)').isVisible()) await user.leave();
      if (await user.$('#start-view').isHidden()) {
        await user.$('#next-button').click();
      } else {
        await user.connected();
        await user.$('#start-button').click();
      }
      await user.$('#search-view').waitFor();
    }
  }
});

test('half an emoji and U+0000 arrive without what cannot be sent', async () => {
  const [user, script] = await world.scripted();
  for (const text of ['half \ud83d', '\ude00y', 'a\0b']) {
    await user.page.evaluate(value => {
      const field = document.getElementById('composer');
      field.value = value;
      field.dispatchEvent(new Event('input'));
      document.getElementById('composer-form').requestSubmit();
    }, text);
  }
  await script.hears('chat_message', 3);
  assert.deepEqual((await script.heard('chat_message')).map(({ data }) => data.message), ['half \ufffd', '\ufffdy', 'ab']);
  assert.equal(await user.$('.unsent').count(), 0);
});

test('an interest with half an emoji or U+0000 is cleaned, one that was remembered as well', async () => {
  const user = await world.user();
  await user.page.evaluate(() => localStorage.setItem('chatterbox.interests', JSON.stringify(['r\0six', 'x\ud83d', '\u200b'])));
  await user.page.reload();
  await user.connected();
  assert.deepEqual(await user.$('#chips li span').allTextContents(), ['rsix', 'x\ufffd']);
  await user.search();
  await waitFor(async () => await user.$('#elapsed').textContent() === '00:01', 'the search to run');
});

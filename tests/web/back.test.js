// A chat that goes on: after a reload, without a network for a while, in one tab only; and both are told the truth where it does not.

import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { FreezablePage } from './freezer.js';
import { Script, User, meet, sleep, useWorld, waitFor } from './harness.js';

const world = useWorld({ keepsPages: true, flags: ['--resume-time', '8s', '--show-time', '2s', '--ping-interval', '1s', '--ping-timeout', '2s'] });
const stats = async () => (await fetch(`${world.server.url}/stats`)).json();

const texts = user => user.$('.message .text').allTextContents();
const theirs = user => user.$('.theirs .text').allTextContents();
const gone = user => user.$('#gone:not([hidden])');

/** A way to the server that swallows, while it is closed, all that is sent, and connections that are made as well; neither side is told. */
async function swallowing() {
  let isShut = false;
  const pairs = new Set();
  const way = createServer(client => {
    const server = connect(world.server.port, '127.0.0.1');
    const pair = { isDead: isShut };
    pairs.add(pair);
    client.on('data', data => pair.isDead || server.write(data));
    server.on('data', data => pair.isDead || client.write(data));
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('error', () => {});
      one.on('close', () => pair.isDead || other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(way, 'listening');
  const { port } = way.address();
  world.users.push({ context: way }); // closed, however the test ends
  return {
    user: async () => {
      const user = await User.open({ ...world, server: { url: `http://127.0.0.1:${port}`, port } });
      world.users.push(user);
      return user;
    },
    shut: () => {
      isShut = true;
      for (const pair of pairs) pair.isDead = true;
    },
    open: () => { isShut = false; },
  };
}

const ownProblems = () => world.expectProblems(/^console: |^socket to/);

test('a reload in a chat changes nothing: the same entries, the same draft', async () => {
  const [a, b] = await world.pair('reloading');
  await a.say('one');
  await b.sees('one');
  await b.say('two');
  await a.sees('two');
  await a.$('#composer').fill('a draft');
  await b.page.evaluate(() => {
    window.said = [];
    const line = document.getElementById('gone');
    new MutationObserver(() => !line.hidden && window.said.push(line.textContent.replace(/\d+\ss/, 'N s')))
      .observe(line, { attributes: true, childList: true, subtree: true, characterData: true });
  });
  await a.page.reload();
  await a.isChatting();
  await waitFor(async () => await b.page.evaluate(() => window.said.includes('Stranger is back.')), 'Stranger is back');
  assert.deepEqual([...new Set(await b.page.evaluate(() => window.said))].filter(words => !/N s$|,$/.test(words)),
    ["Stranger's connection dropped. Waiting, N s…", 'Stranger is back.'].filter(Boolean));
  assert.equal(a.questions, 0, 'nothing is asked where nothing is lost');
  assert.deepEqual(await texts(a), ['one', 'two']);
  assert.equal(await a.$('#composer').inputValue(), 'a draft');
  assert.ok(await gone(a).isHidden());
  await a.$('#composer').press('Enter');
  await b.sees('a draft');
  await b.say('three');
  await a.sees('three');
  assert.equal(await a.$('.waiting').count(), 0);
  assert.deepEqual(await texts(b), ['one', 'two', 'a draft', 'three']);
  assert.deepEqual(await b.$('.note').allTextContents(), ['You both like reloading.']);

  await a.leave();
  await b.hasEnded();
  assert.equal(await a.page.evaluate(() => sessionStorage.length), 0, 'nothing is kept of a chat that is over');
  await a.page.reload();
  await a.connected();
});

test('what is not to be kept on the device is not, and the chat goes on all the same', async () => {
  const [a, b] = await world.pair('leaving no trace');
  await a.say('a secret');
  await b.sees('a secret');
  await a.$('summary').click();
  await a.$('#keep-nothing').click();
  assert.ok(!(await a.page.evaluate(() => JSON.stringify(sessionStorage))).includes('a secret'));
  await a.page.reload();
  await a.isChatting();
  await a.say('still here');
  await b.sees('still here');
  assert.deepEqual(await texts(a), ['still here']);
});

test('without a network for a while, ten texts each way arrive once and in order', async () => {
  const way = await swallowing();
  const a = await way.user();
  const b = await world.user();
  await meet(a, b, 'tunnels');
  await a.say('before');
  await b.sees('before');
  way.shut();
  for (let i = 0; i < 10; i++) {
    await a.say(`a ${i}`);
    await b.say(`b ${i}`);
  }
  assert.equal(await a.$('.waiting').count(), 10, 'not shown as sent');
  assert.equal(await a.$('.mark').getByText('Sending…').count(), await a.$('.waiting .mark').count());
  await gone(b).waitFor();
  assert.match(await gone(b).textContent(), /^Stranger's connection dropped. Waiting, \d+\ss…$/);
  await a.page.evaluate(() => dispatchEvent(new Event('online')));
  await gone(a).waitFor();
  assert.match(await gone(a).textContent(), /^Reconnecting… \d+\ss. Your messages go out when you are back.$/);
  way.open();
  await a.sees('b 9');
  await b.sees('a 9');
  await waitFor(async () => await a.$('.waiting').count() === 0, 'all to be acknowledged');
  assert.deepEqual(await theirs(a), Array.from({ length: 10 }, (_, i) => `b ${i}`));
  assert.deepEqual(await theirs(b), ['before', ...Array.from({ length: 10 }, (_, i) => `a ${i}`)]);
  assert.equal(await a.$('.unsent').count() + await b.$('.unsent').count(), 0);
  ownProblems();
});

test('a text that is not acknowledged has the connection taken over', async () => {
  const way = await swallowing();
  const a = await way.user();
  const b = await world.user();
  await a.page.clock.install();
  await a.page.reload();
  await meet(a, b, 'dead sockets');
  way.shut();
  way.open(); // what there was is dead, and what comes is not
  await a.say('is anybody there?');
  await a.passes(9);
  await b.$('.theirs').getByText('is anybody there?').waitFor({ timeout: 8000 }); // before the page asks for other reasons
  await waitFor(async () => await a.$('.waiting').count() === 0, 'the acknowledgement');
  assert.deepEqual(await theirs(b), ['is anybody there?']);
  ownProblems();
});

test('who is away too long is told so, and so is the stranger', async () => {
  const way = await swallowing();
  const a = await way.user();
  const b = await world.user();
  await meet(a, b, 'long tunnels');
  way.shut();
  await a.say('lost 1');
  await a.say('lost 2');
  await a.page.evaluate(() => dispatchEvent(new Event('online')));
  await b.hasEnded();
  await b.sees('Stranger did not come back.');
  await sleep(500);
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible(), 'it cannot know yet');
  assert.equal(await a.$('.waiting').count(), 2);
  way.open();
  await a.hasEnded();
  assert.match(await a.$('.note').last().textContent(), /^(You were away too long, and the chat has ended|The connection was lost, and the chat with it)\.$/);
  assert.deepEqual(await a.$('.unsent .mark').allTextContents(), ['Not delivered', 'Not delivered']);
  assert.equal(await a.$('#composer').inputValue(), 'lost 2');
  ownProblems();
});

test('a copy of the tab begins anew, and the chat stays where it was', async () => {
  const [a, b] = await world.pair('two tabs');
  const kept = await a.page.evaluate(() => ({ ...sessionStorage }));
  const copy = await a.context.newPage();
  await copy.goto(`${world.server.url}/healthz`);
  await copy.evaluate(all => Object.assign(sessionStorage, all), kept);
  await copy.goto(world.server.url);
  await copy.locator('#start-button', { hasText: 'Start' }).waitFor();
  assert.equal(await copy.evaluate(() => sessionStorage.length), 0);
  await a.say('undisturbed');
  await b.sees('undisturbed');
  assert.ok(await a.$('#bring-here').isHidden());
  world.expectProblems(/404/);
});

test('where a copy cannot know that it is one, it takes over, and is not fought for the chat', async () => {
  const a = await world.user();
  const b = await world.user();
  await a.context.addInitScript(() => Object.defineProperty(navigator, 'locks', { value: undefined }));
  await a.page.reload();
  await meet(a, b, 'one chat, two windows');
  await a.say('before');
  await b.sees('before');
  await sleep(2000); // until a has acknowledged all that came: the server would not have it for the copy any more
  const kept = await a.page.evaluate(() => ({ ...sessionStorage }));
  const copy = await a.context.newPage();
  await copy.goto(`${world.server.url}/healthz`);
  await copy.evaluate(all => Object.assign(sessionStorage, all), kept);
  await copy.goto(world.server.url);
  await a.$('#bring-here').waitFor();
  assert.equal(await a.$('#banner').textContent(), 'This chat is open in another window.');
  await b.say('to the copy');
  await copy.getByText('to the copy').waitFor();
  await sleep(1000);
  assert.ok(await copy.locator('#chat-view:not(.ended)').isVisible(), 'the first one does not reconnect');
  await a.$('#bring-here').click();
  await copy.locator('#bring-here').waitFor();
  await a.sees('to the copy');
  await b.say('back again');
  await a.sees('back again');
  assert.deepEqual(await texts(a), ['before', 'to the copy', 'back again']);
  world.expectProblems(/404/);
});

test('a page that froze before it could say that it has a match is not waited for', async () => {
  const page = await FreezablePage.open(world.server.url);
  world.users.push({ context: page });
  await waitFor(() => page.evaluate("document.getElementById('start-button').textContent.startsWith('Start')"), 'the connection');
  await page.evaluate(`addEventListener('freeze', event => event.stopImmediatePropagation(), true); // as where the browser does not say so
    document.getElementById('interest-input').value = 'no show';
    document.getElementById('start-form').requestSubmit();`);
  await waitFor(async () => (await stats()).searching === 1, 'the search');
  await page.freeze(true);
  const b = await world.user();
  await b.search('no show');
  await b.isChatting();
  await b.$('#search-view').waitFor({ timeout: 6000 });
  assert.equal(await b.$('#search-status').textContent(), 'Stranger did not show up. Looking on…');
  const third = await Script.open(world, 'no show');
  await b.isChatting();
  await third.hears('success_matched');
});

/** The stranger's picture is there and moves. */
async function plays(user) {
  const at = () => user.$('#remote-video').evaluate(video => video.videoWidth && video.currentTime);
  const before = await waitFor(at, 'the picture');
  await waitFor(async () => await at() > before + 0.1, 'the picture to move');
}

test('a video call is set up again by itself after a reload', async () => {
  const [a, b] = await world.pair('calling back');
  await a.$('#camera-button').click();
  await b.$('#call-accept').click();
  await Promise.all([plays(a), plays(b)]);
  await a.$('#mute-button').click();
  const before = await b.$('#remote-video').evaluateHandle(video => video.srcObject);
  await a.page.reload();
  await a.$('#call').waitFor();
  await waitFor(() => b.$('#remote-video').evaluate((video, old) => video.srcObject && video.srcObject !== old, before), 'another picture');
  await Promise.all([plays(a), plays(b)]);
  assert.equal(await a.$('#mute-button').getAttribute('aria-pressed'), 'true');
  for (const user of [a, b]) assert.ok(await user.$('#call-prompt').isHidden(), 'nobody is asked again');
  await b.$('#hangup-button').click();
  await a.sees('The call ended.');
});

test('a page that was left in a chat and is shown again goes on; Back in the chat asks first', async () => {
  const [a, b] = await world.pair('going elsewhere');
  await a.say('wait for me');
  await b.sees('wait for me');
  await a.page.goto(`${world.server.url}/healthz`);
  await gone(b).waitFor();
  await b.say('waiting');
  await a.page.goto(world.server.url);
  await a.sees('waiting');
  await a.isChatting();
  const devtools = await a.context.newCDPSession(a.page);
  const back = async () => {
    const { currentIndex, entries } = await devtools.send('Page.getNavigationHistory');
    await devtools.send('Page.navigateToHistoryEntry', { entryId: entries[currentIndex - 1].id });
  };
  await a.$('#composer').fill('a draft');
  await back();
  await waitFor(async () => await a.$('#leave-hint').textContent() === 'Press Back again to leave', 'the question');
  assert.ok(await a.$('#chat-view:not(.ended)').isVisible());
  await back();
  await a.hasEnded();
  await b.sees('Stranger has left.');
  world.expectProblems(/404/);
});

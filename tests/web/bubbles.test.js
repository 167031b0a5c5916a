// What a stranger's text may do to the list: not hide, push away or imitate what else stands there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep, useWorld, waitFor } from './harness.js';

const world = useWorld();

test('marks piled up on a letter change no pixel of the bubbles above and below', async () => {
  const [user, script] = await world.scripted({ viewport: { width: 800, height: 700 } });
  const picture = async text => {
    await user.page.evaluate(() => document.fonts.ready);
    const box = await user.$('.theirs').getByText(text, { exact: true }).boundingBox();
    return user.page.screenshot({ clip: { x: 40, y: box.y - 4, width: 700, height: box.height + 8 } });
  };
  await script.text('above', 'Z'.padEnd(321, 'x'), 'below');
  await user.sees('below');
  const before = [await picture('above'), await picture('below')];
  await user.$('.theirs .text').nth(1).evaluate((element, text) => { element.style.height = `${element.offsetHeight}px`; element.textContent = text; },
    `Z${'\u0301'.repeat(160)}${'\u0323'.repeat(160)}`);
  await sleep(200);
  assert.ok(before[0].equals(await picture('above')), 'above');
  assert.ok(before[1].equals(await picture('below')), 'below');
});

test('1,990 line breaks are two, and a long text is folded until it is wanted', async () => {
  const [user, script] = await world.scripted();
  const height = () => user.$('.theirs').last().evaluate(bubble => bubble.getBoundingClientRect().height);
  for (const text of [`a${'\n'.repeat(1990)}b`, `a${' \n'.repeat(990)}b`, `a${'\r\u2028'.repeat(700)}b`]) {
    await script.text(text);
    await waitFor(async () => await user.$('.theirs').last().locator('.text').evaluate(p => p.textContent.replace(' ', '')) === 'a\n\nb', 'the text');
    assert.ok(await height() < 120);
  }
  await script.text(Array.from({ length: 400 }, (_, i) => i).join('\n'));
  await user.$('.fold').waitFor();
  assert.ok(await height() < 400, 'folded');
  await user.$('.fold').click();
  assert.ok(await height() > 5000, 'shown');
  assert.equal(await user.$('.fold').getAttribute('aria-expanded'), 'true');
  await script.text('\u200b', '\u3164 \u2800', '\u00ad\ufe0f\u2060', 'visible');
  await user.sees('visible');
  assert.equal(await user.$('.theirs').count(), 5, 'nothing is shown of what cannot be seen');
  await user.$('#composer').fill('\u200b\u3164\u2800');
  assert.ok(await user.$('#send-button').isDisabled());
});

test('who reads further up is told what has come, and is taken there', async () => {
  const [user, script] = await world.scripted();
  await script.text(...Array.from({ length: 60 }, (_, i) => `line ${i}`));
  await user.sees('line 59');
  await waitFor(() => user.$('#messages').evaluate(list => list.scrollHeight - list.scrollTop - list.clientHeight < 5), 'the end');
  assert.ok(await user.$('#to-end').isHidden());
  await user.$('#messages').evaluate(list => { list.scrollTop = 0; });
  await user.$('#to-end').waitFor();
  await script.text('new 1', 'new 2', 'new 3');
  await waitFor(async () => await user.$('#to-end').textContent() === '3 new messages', 'the count');
  assert.equal(await user.$('#messages').evaluate(list => list.scrollTop), 0, 'not torn away');
  assert.match(await user.page.title(), /^\(3\) /);
  await user.$('#to-end').click();
  await waitFor(() => user.$('#messages').evaluate(list => list.scrollHeight - list.scrollTop - list.clientHeight < 5), 'the end');
  assert.ok(await user.$('#to-end').isHidden());
  assert.equal(await user.page.title(), 'Chatting · ChatterBox');
});

test('who scrolls up while texts keep coming stays there', async () => {
  const [user, script] = await world.scripted();
  await script.text(...Array.from({ length: 60 }, (_, i) => `line ${i}`));
  await user.sees('line 59');
  await waitFor(() => user.$('#messages').evaluate(list => list.scrollHeight - list.scrollTop - list.clientHeight < 5), 'the end');
  await script.page.evaluate(() => { setInterval(() => window.say('chat_message', { message: 'and more' }), 45); });
  await user.sees('and more');
  const fromEnd = await user.$('#messages').evaluate(async list => {
    for (let top = 40; top > 0; top--) { // as a finger does, over more than a second
      list.scrollTop = top;
      await new Promise(resolve => setTimeout(resolve, 30));
    }
    await new Promise(resolve => setTimeout(resolve, 1000));
    return list.scrollHeight - list.scrollTop - list.clientHeight;
  });
  assert.ok(fromEnd > 500, `${fromEnd} px from the end`);
});

test('the time stands once for a minute and a speaker, and a few emoji are large', async () => {
  const [user, script] = await world.scripted();
  await user.page.clock.setFixedTime(new Date('2026-01-01T12:00:30'));
  await script.text('one', 'two', '🙂🙃');
  await user.sees('🙂🙃');
  assert.equal(await user.$('.theirs time').count(), 1);
  assert.equal(await user.$('.large').count(), 1);
});

test('where colours are forced, bubbles have edges, and mine others than theirs', async () => {
  const [user, script] = await world.scripted({ forcedColors: 'active' });
  await script.text('theirs');
  await user.sees('theirs');
  await user.say('mine');
  const edge = selector => user.$(selector).first().evaluate(bubble => getComputedStyle(bubble).borderTopWidth);
  assert.equal(await edge('.theirs'), '1px');
  assert.equal(await edge('.mine'), '2px');
});

test('a stranger’s link shows its host, and asks before it opens', async () => {
  const [user, script] = await world.scripted();
  await script.text('look: https://example.org/a/b?c=bank.example');
  await user.$('.theirs a').waitFor();
  assert.equal(await user.$('.theirs a strong').textContent(), 'example.org');
  await user.$('.theirs a').click();
  await user.$('#ask').waitFor();
  assert.match(await user.$('#ask-text').textContent(), /^Open example\.org\?/);
  assert.equal(user.context.pages().length, 1);
  await user.page.keyboard.press('Escape');
  assert.ok(await user.$('#ask').isHidden());
  assert.ok(await user.$('#chat-view:not(.leaving)').isVisible(), 'Escape answers the question and no more');
});

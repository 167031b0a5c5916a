/* cluster_invariants.h: what must hold whatever goes wrong, and what when nothing has gone wrong for a while.
 *
 * Threads: one in all. What is broken ends the program.
 */
#ifndef CHATTERBOX_TESTS_SIM_CLUSTER_INVARIANTS_H
#define CHATTERBOX_TESTS_SIM_CLUSTER_INVARIANTS_H

#include "sim/cluster.h"

/* At any time: who has heard of a partner on another node in this chat, of him that one has heard, too; nobody keeps more texts than credits allow; no
 * more calls that state users again are in flight than may be. What clients see is checked when they see it (client.c). */
void check_at_any_time(const struct node *node);

/* 5 s after the last fault, and clients have been quiet for 1 s: every chat has two sides, all texts in it have been heard, who has left was heard to the
 * end, every credit is back, and nobody waits for an answer. */
void check_chats(struct cluster *cluster);

/* So long after the last fault, or a quarter of a second after a search has begun if there was none for as long: nobody searches who could meet
 * somebody else who does. */
void check_searches(struct cluster *cluster);

/* Then, too: the one Redis knows who searches and who chats with whom, and nobody else. Only of a chat across nodes
 * it may not know, also after that. */
void check_redis(struct cluster *cluster);

/* Everybody has left, and every lease of a dead node has run out: nothing remains. */
void check_that_nothing_remains(struct cluster *cluster);

#endif

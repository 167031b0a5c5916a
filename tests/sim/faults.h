/* faults.h: what goes wrong, by chance, and how it is over.
 *
 * Threads: one in all.
 */
#ifndef CHATTERBOX_TESTS_SIM_FAULTS_H
#define CHATTERBOX_TESTS_SIM_FAULTS_H

#include "sim/cluster.h"

/* Perhaps something goes wrong now. Also ends what has gone on for long enough. */
void faults_step(struct cluster *cluster);

/* From now on nothing goes wrong, and all that did is over. */
void faults_end(struct cluster *cluster);

/* A failover: faults_replicate(), while all is well, and after a while, of which the replica has nothing, faults_promote(): the replica is the one from
 * now on. The old one has died, stands still, or goes on with some of the nodes; each node follows when Sentinels tell it, within lives_ms. Until
 * then faults_follow() in each step. */
void faults_replicate(struct cluster *cluster);
void faults_promote(struct cluster *cluster, uint64_t lives_ms);
void faults_follow(struct cluster *cluster);

/* One that the others are to notice nothing of: a node loses its connection to Redis. Returns which. */
struct node *faults_lose_a_store(struct cluster *cluster);

#endif

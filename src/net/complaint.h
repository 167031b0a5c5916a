/* complaint.h: what the log says of clients who cannot come in, or are closed for a reason that a flag could change.
 *
 * One line a minute for each reason and thread, and how many others there were: an operator wants to know that, and why, not how often; that is what
 * /metrics is for. Never an address; Origin and Host, since a proxy may have mixed them up.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_COMPLAINT_H
#define CHATTERBOX_NET_COMPLAINT_H

#include "http/refusal.h"
#include "http/request.h"
#include "net/net.h"

/* request: NULL if it is not known. is_private: whoever it is comes from a private address (client_address.h), which many may share. */
void complaint_refused(struct net *net, enum refusal refusal, const struct http_request *request, bool is_private);

/* Because of net->options' write_queue; because of ping_timeout_ms. */
void complaint_slow_reader(struct net *net);
void complaint_ping_timeout(struct net *net);

/* A trusted proxy has not said where its client is. */
void complaint_unnamed(struct net *net);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the containment covers, and what it does not. */
#ifndef POLICY_COVERAGE_H
#define POLICY_COVERAGE_H

#include <stdbool.h>

#include "base/text.h"
#include "policy/policy.h"

/* "inet, bridge, netdev": the layers in force. */
void coverage_describe(const struct policy *policy, struct text *text);

/*
 * Hands each thing that is not covered to `take`, a line for people. What nobody asked for is named as well. Returns
 * whether something that was asked for is missing: "partial".
 */
bool coverage_gaps(const struct policy *policy, void (*take)(void *context, const char *gap), void *context);

#endif

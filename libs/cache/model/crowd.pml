/*
 * local.pml with a third reader, so that two loads of the key can run that are both too old for him (C-27): he waits
 * until the older one has ended, and then takes the newest load that began after he asked, or begins one. One change of
 * the key and one of a family, which is what it takes.
 *
 * stale: JOINS_ANY_LOAD_AFTER_WAITING
 * three loads: THIRD_LOAD_BEGINS OLDER_FORGOTTEN
 * stuck: END_TELLS_JOINERS_ALONE
 */
#define READERS 3
#define READS 4 /* of all readers together, in any share */
#define ONE_FAMILY_CHANGE
#include "local.pml"

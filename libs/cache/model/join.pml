/*
 * Validated reads that join: two readers of one process, A, and changes of the key or the family in A or elsewhere.
 * A reader asks the provider, and then joins the running load of the other reader only if that began after this read
 * began, or if its fetch saw the very tokens that this reader's fetch saw; else it begins its own. All fills are lost here,
 * so that every read loads or joins; what fills do is shown by shared.pml.
 *
 * stale: JOIN_UNVALIDATED JOIN_ASKS_LEASE_ALONE JOIN_ASKS_FAMILY_ALONE JOIN_ABSENT_EQUALS_ABSENT JOIN_UNREACHABLE
 * stale: JOIN_BEHIND_FENCE BEGAN_NOTED_AFTER_FETCH
 */
#include "promise.pml"

#define READERS 2
#define READS 1

#define CLIENTS READERS /* as for tokens */

#include "provider.pml"

bool loads[READERS];    /* whether this reader's load is running */
bool is_older[READERS]; /* whether it is too old for the other's read: it ran when that began */
bool awaits[READERS];   /* whether this reader has joined the other's load */
byte answer[READERS];

byte fences;
byte promised_here;
bool first_committed;

/* Within a step: the read is over. */
inline give(value) {
  assert(value >= promised_before_read);
  assert(value >= promised_here_before_read);
  value = 0;
  outcome = 0;
  promised_before_read = 0;
  promised_here_before_read = 0;
  held_lease[r] = ABSENT;
  held_family[r] = ABSENT
}

/*
 * Whether the other's running load saw the tokens that this reader sees. An absent token proves nothing: it is the same
 * before and after an invalidation.
 */
#define SAME_LEASE (held_lease[1 - r] == LIVE && lease == LIVE)
#define SAME_FAMILY (held_family[1 - r] == LIVE && family == LIVE)
#if defined(MUTANT_JOIN_ASKS_LEASE_ALONE)
#define SAME_TOKENS SAME_LEASE
#elif defined(MUTANT_JOIN_ASKS_FAMILY_ALONE)
#define SAME_TOKENS SAME_FAMILY
#elif defined(MUTANT_JOIN_ABSENT_EQUALS_ABSENT)
#define SAME_TOKENS (SAME_LEASE && (SAME_FAMILY || held_family[1 - r] == ABSENT && family == ABSENT))
#else
#define SAME_TOKENS (SAME_LEASE && SAME_FAMILY)
#endif

#if defined(MUTANT_JOIN_UNVALIDATED)
#define MAY_JOIN loads[1 - r]
#elif defined(MUTANT_JOIN_UNREACHABLE)
#define MAY_JOIN (loads[1 - r] && (!is_older[1 - r] || outcome == none && !fenced))
#elif defined(MUTANT_JOIN_BEHIND_FENCE)
#define MAY_JOIN (loads[1 - r] && (!is_older[1 - r] || fenced))
#else
#define MAY_JOIN (loads[1 - r] && !is_older[1 - r])
#endif

proctype Reader(byte r) {
  byte reads, value, promised_before_read, promised_here_before_read;
  mtype outcome;
  bool fenced;
  do
  :: reads < READS ->
     d_step {
       reads++;
       promised_before_read = promised;
       promised_here_before_read = promised_here;
       is_older[1 - r] = loads[1 - r];
       fenced = (fences > 0);
       outcome = none
     };
     if
     :: !fenced ->
        d_step {
          fetch(outcome, value, held_lease[r], held_family[r]);
          /* Good to join for all of this read: the same tokens now are the same tokens later. */
          if
          :: outcome == busy && SAME_TOKENS -> is_older[1 - r] = false
          :: else
          fi;
#ifdef MUTANT_BEGAN_NOTED_AFTER_FETCH
          is_older[1 - r] = false;
#endif
          if
          :: outcome == hit ->
             is_older[1 - r] = false;
             give(value)
          :: else
          fi
        }
     :: skip /* behind a fence; or the provider cannot be reached */
     fi;
     if
     :: outcome != 0 ->
        d_step {
          if
          :: MAY_JOIN -> awaits[r] = true
          :: else ->
             loads[r] = true;
             is_older[r] = false
          fi;
          is_older[1 - r] = false;
          fenced = false;
          /* Of no more use: whoever joins leaves its lease to end by itself. */
          if
          :: awaits[r] ->
             held_lease[r] = ABSENT;
             held_family[r] = ABSENT
          :: else
          fi
        };
        if
        :: loads[r] ->
           value = database;
           d_step {
             loads[r] = false;
             is_older[r] = false;
             if
             :: awaits[1 - r] ->
                answer[1 - r] = value;
                awaits[1 - r] = false
             :: else
             fi;
             give(value)
           }
        :: else ->
           d_step {
             !awaits[r];
             value = answer[r];
             answer[r] = 0;
             give(value)
           }
        fi
     :: else
     fi
  :: else -> break
  od
}

proctype Change(bool first) {
  byte mine;
  bool of_family, in_a;
  first || first_committed; /* the changes are alike: one order stands for both */
  if
  :: of_family = true
  :: skip
  fi;
  if
  :: in_a = true
  :: skip
  fi;
  d_step {
    commit(mine);
    first_committed = true
  };
  if
  :: in_a ->
     d_step {
       fences++;
       promised_here = (mine > promised_here -> mine : promised_here)
     }
  :: else
  fi;
  d_step {
    apply_drop(of_family);
    promise(mine)
  };
  d_step {
    fences = fences - in_a;
    mine = 0;
    of_family = false;
    in_a = false
  }
}

/* The lease of this key may be with other processes. */
proctype Others() {
end:
  do
  :: d_step {
       lease == ABSENT ->
       lease = LIVE;
       family = LIVE
     }
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1);
    run Change(true);
    run Change(false);
    run Loss();
    run Sibling();
    run Others()
  }
}

/*
 * The shared provider (Redis), as far as one key of one family goes. Every operation is one script there: one step.
 *
 * A token is absent or random, and is only ever compared with the one that the provider holds now. So of all random tokens
 * three kinds need telling apart: the one that is held now is LIVE, and one that was and is no more is DEAD, wherever it is
 * noted, since no fresh one equals it. That keeps the states finite however often tokens are lost.
 *
 * The model that includes this has CLIENTS, each of which has a read under way and a fill.
 */
#define ABSENT 0
#define LIVE 1
#define DEAD 2

bool stored;
byte stored_value, stored_family;
byte lease;
byte family;

mtype = { hit, leased, busy, none };

/* A fill under way: it may be lost, or be applied at any later time, as one that timed out for its client may. */
typedef Fill {
  byte value;
  byte lease; /* ABSENT: there is no fill */
  byte family
};
Fill late[CLIENTS];

/* The tokens that the running read of each client saw. */
byte held_lease[CLIENTS], held_family[CLIENTS];

/* All of these are for use within a step. */
#define DIES(token) token = (token == LIVE -> DEAD : token)

inline lose_lease() {
  lease = ABSENT;
#ifndef MUTANT_LEASE_REUSED
  DIES(held_lease[0]);
  DIES(held_lease[1]);
  DIES(late[0].lease);
  DIES(late[1].lease)
#endif
}

inline lose_family() {
  family = ABSENT;
#ifndef MUTANT_TOKEN_REUSED
  DIES(stored_family);
  DIES(held_family[0]);
  DIES(held_family[1]);
  DIES(late[0].family);
  DIES(late[1].family)
#endif
}

#if defined(MUTANT_HIT_IGNORES_TOKENS)
#define HIT (stored)
#elif defined(MUTANT_ABSENT_EQUALS_ABSENT)
#define HIT (stored && stored_family == family)
#else
#define HIT (stored && family != ABSENT && stored_family == family)
#endif

/* For a hit `value` is the value; else the lease that is held and the family's token, absent or not, are handed out. */
inline fetch(outcome, value, seen_lease, seen_family) {
  if
  :: HIT ->
     outcome = hit;
     value = stored_value
  :: else ->
     if
     :: lease == ABSENT ->
        outcome = leased;
        lease = LIVE;
#ifndef MUTANT_ABSENT_EQUALS_ABSENT
        family = LIVE
#endif
     :: else -> outcome = busy
     fi;
     seen_lease = lease;
     seen_family = family
  fi
}

#if defined(MUTANT_FILL_IGNORES_FAMILY_TOKEN)
#define FAMILY_UNCHANGED(fill) true
#elif defined(MUTANT_ABSENT_EQUALS_ABSENT)
#define FAMILY_UNCHANGED(fill) (fill.family == family)
#else
#define FAMILY_UNCHANGED(fill) (family != ABSENT && fill.family == family)
#endif

#if defined(MUTANT_FILL_IGNORES_LEASE)
#define LEASE_UNCHANGED(fill) true
#else
#define LEASE_UNCHANGED(fill) (fill.lease == lease)
#endif

inline apply_fill(fill) {
  if
  :: LEASE_UNCHANGED(fill) ->
     if
     :: FAMILY_UNCHANGED(fill) ->
        stored = true;
        stored_value = fill.value;
#ifdef MUTANT_FILL_IGNORES_FAMILY_TOKEN
        stored_family = family;
#else
        stored_family = fill.family;
#endif
     :: else
     fi;
     lose_lease()
  :: else
  fi;
  fill.value = 0;
  fill.lease = ABSENT;
  fill.family = ABSENT
}

inline drop_entry() {
  stored = false;
  stored_value = 0;
  stored_family = ABSENT
}

/* What an invalidation does there. */
inline apply_drop(of_family) {
  if
  :: of_family -> lose_family()
  :: else ->
     drop_entry();
#ifndef MUTANT_KEY_DROP_KEEPS_LEASE
     lose_lease()
#endif
  fi
}

/* In an atomic: when an older fill is under way still, one of the two is lost. */
inline send_fill(c, of_value, of_lease, of_family) {
  if
  :: late[c].value = of_value;
     late[c].lease = of_lease;
     late[c].family = of_family
  :: late[c].lease != ABSENT -> skip
  fi
}

proctype Network(byte c) {
end:
  do
  :: d_step {
       late[c].lease != ABSENT -> apply_fill(late[c])
     }
  od
}

/*
 * What befalls the provider at any time: entry, lease or token is evicted or expires, each alone. Losing everything at
 * once is losing one after the other with nothing between.
 */
proctype Loss() {
end:
  do
  :: d_step {
       stored -> drop_entry()
     }
  :: d_step {
       lease != ABSENT -> lose_lease()
     }
  :: d_step {
       family != ABSENT -> lose_family()
     }
  od
}

/* The fetch of another key of the family makes a token that is absent. */
proctype Sibling() {
end:
  do
  :: d_step {
       family == ABSENT -> family = LIVE
     }
  od
}

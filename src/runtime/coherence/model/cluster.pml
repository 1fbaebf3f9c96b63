/*
 * What the models of this folder share: the rows that carry the protocol, what each member keeps in memory, how it renews,
 * leaves and joins, and how a change waits for the members. One key is looked at, and every change is of it.
 *
 * Nothing is counted that can be told by comparing, so that everything may go on for ever in finitely many states: of a
 * member's number, whether it moved since it was seen, and whether it did so twice; of a generation, whether it moved since an
 * entry or a load noted it; of time, whether the lease that a row's number stands for is over. That may come at any moment, and
 * is one moment for the member and for whoever waits for it: that the latter counts from later on, and longer, is the margin's
 * part.
 *
 * The model that includes this has CHANGES, MEMBERS and WAITERS.
 */
#include "../../../../libs/cache/model/promise.pml"

bool intent[CHANGES]; /* its row */

/* A membership and the next one of the same process share a slot: nobody waits for both. */
bool row[MEMBERS];    /* it stands */
bool over[MEMBERS];   /* the lease that the row's number stands for, or stood for last */
bool known[MEMBERS];  /* the member was answered that its row has this number */
bool late[MEMBERS];   /* an unanswered renewal's write, which the server does later or never */
bool serves[MEMBERS]; /* the member's own idea: the lease it was answered holds by its clock */

/* The memory of each: an entry that no generation has moved away from, and whether one moved since the running load began. */
bool kept[MEMBERS], doomed[MEMBERS];
byte kept_value[MEMBERS];

typedef Wait {
  bool on[MEMBERS];     /* for this member */
  bool still[MEMBERS];  /* its number stood still until its lease was over, and has not moved since */
  byte renewed[MEMBERS] /* since its number was first seen: 2 is twice or more */
};
Wait wait[WAITERS];

typedef Told {
  bool sent[MEMBERS]; /* the message is under way */
  bool done[MEMBERS]  /* the acknowledgement has come */
};
Told told[CHANGES];

/* For loops within a step, none of which may end in one. */
hidden byte i;

/* All of these are for use within a step. */
inline apply(m) {
  kept[m] = false;
  kept_value[m] = 0;
  doomed[m] = true
}

inline start_empty(m) {
#ifndef MUTANT_KEEP
  kept[m] = false;
  kept_value[m] = 0;
#endif
#ifndef MUTANT_RUNLOAD
  doomed[m] = true;
#endif
  skip
}

/* Whoever waits for it sees that at the earliest now. */
inline strike_row(m) {
  row[m] = false;
  late[m] = false;
  known[m] = false;
  for (i : 0 .. WAITERS - 1) {
    wait[i].on[m] = false;
    wait[i].still[m] = false;
    wait[i].renewed[m] = 0
  }
  for (i : 0 .. CHANGES - 1) {
    told[i].done[m] = false
  };
  i = 0
}

inline raise_number(m) {
  over[m] = false;
  for (i : 0 .. WAITERS - 1) {
    wait[i].still[m] = false;
    if
    :: wait[i].on[m] -> wait[i].renewed[m] = (wait[i].renewed[m] < 2 -> wait[i].renewed[m] + 1 : 2)
    :: else
    fi
  };
  i = 0
}

/* By a lease that is counted from when the renewal was sent: an answer may come too late for it. */
#ifdef MUTANT_FROMANSWER
#define SERVE(m) serves[m] = true
#else
#define SERVE(m) serves[m] = !over[m]
#endif

/* A renewal writes the number that follows the one it knows. */
#ifdef MUTANT_OVERLAP
#define MAY_RAISE(m) row[m]
#define OUTDATE_LATE(m) skip
#else
#define MAY_RAISE(m) (row[m] && known[m])
#define OUTDATE_LATE(m) late[m] = false
#endif

#if CHANGES == 1
#define SAW_ANY saw[0]
#else
#define SAW_ANY (saw[0] || saw[1])
#endif

#if defined(MUTANT_NOSCAN) || defined(MUTANT_COUNTBLIND)
#define SCAN(m) skip
#else
#define SCAN(m) note_intents(m)
#endif

inline note_intents(m) {
  for (i : 0 .. CHANGES - 1) {
    saw[i] = intent[i]
  }
#ifndef MUTANT_APPLYLATE
  if
  :: SAW_ANY -> apply(m)
  :: else
  fi
#endif
}

inline acknowledge_noted(m) {
  for (i : 0 .. CHANGES - 1) {
    told[i].done[m] = told[i].done[m] || saw[i]
  };
  i = 0
}

inline forget_noted() {
  for (i : 0 .. CHANGES - 1) {
    saw[i] = false
  };
  i = 0
}

/* What else a member does with intents that it noted in a renewal that was answered. */
#ifndef ADOPT
#define ADOPT(m) skip
#endif

/* A process that is a member of the cluster: one renewal after the other, until it has no row, or no bus. */
proctype Member(byte m) {
  bool saw[CHANGES];
renewals:
  do
  :: d_step {
       SCAN(m)
     };
     if
     :: d_step {
          MAY_RAISE(m) -> raise_number(m);
          OUTDATE_LATE(m)
        };
#ifdef MUTANT_APPLYLATE
        d_step {
          if
          :: SAW_ANY -> apply(m)
          :: else
          fi
        };
#endif
        if
        :: d_step { /* answered */
             SERVE(m);
             ADOPT(m);
             acknowledge_noted(m);
             forget_noted()
           }
        :: d_step { /* and the acknowledgements get lost */
             SERVE(m);
             ADOPT(m);
             forget_noted()
           }
#ifndef CALM
        :: d_step { /* unanswered */
             known[m] = false;
             forget_noted()
           }
#endif
        fi
#ifndef CALM
     :: d_step { /* unanswered, and not done yet */
          MAY_RAISE(m) && !late[m] -> late[m] = true;
          forget_noted()
        }
#endif
     :: d_step {
          !MAY_RAISE(m) -> forget_noted()
        };
#ifdef MUTANT_RENEWFENCED
        serves[m] = true
#else
        break
#endif
#ifndef CALM
     :: d_step { /* the bus is lost */
          forget_noted()
        };
        break
#endif
#ifdef MAY_STOP
     :: MAY_STOP(m);
        false
#endif
     fi
  od;
#ifdef MUTANT_LEAVELATE
  skip;
#else
  serves[m] = false;
#endif
  d_step {
    strike_row(m)
  };
#ifdef MUTANT_LEAVELATE
  serves[m] = false;
#endif
#ifdef MUTANT_EMPTYEARLY
  d_step {
    start_empty(m)
  };
#endif
#ifdef MUTANT_SERVEEARLY
  d_step {
    over[m] = false;
    serves[m] = true
  };
#endif
  d_step {
    row[m] = true;
    over[m] = false;
    known[m] = true
  };
#ifndef MUTANT_EMPTYEARLY
  d_step {
    start_empty(m)
  };
#endif
  SERVE(m);
  goto renewals
}

/* What a member does with what a message names. */
#ifndef APPLY_TOLD
#define APPLY_TOLD(m) apply(m)
#endif

inline deliver(to, about) {
  told[about].sent[to];
  if
  :: told[about].sent[to] = false /* lost */
  :: d_step {
       told[about].sent[to] = false;
#ifndef MUTANT_ACKEARLY
       APPLY_TOLD(to);
#endif
       told[about].done[to] = true
     };
#ifdef MUTANT_ACKEARLY
     d_step {
       APPLY_TOLD(to)
     }
#endif
  fi
}

/* What comes to a member from outside: the end of its lease, messages, the server's late writes. */
proctype World(byte m) {
  do
  :: d_step {
       row[m] && !over[m] ->
       over[m] = true;
       serves[m] = false
     }
  :: d_step {
       late[m] ->
       late[m] = false;
       known[m] = false;
       raise_number(m)
     }
  :: deliver(m, 0)
#if CHANGES == 2
  :: deliver(m, 1)
#endif
  od
}

/* The first look at who is there, and the message to them. */
inline look(waiter, but) {
  for (i : 0 .. MEMBERS - 1) {
    wait[waiter].on[i] = row[i] && i != but
  };
  i = 0
}

inline look_and_tell(waiter, about, but) {
  look(waiter, but);
  for (i : 0 .. MEMBERS - 1) {
    told[about].sent[i] = wait[waiter].on[i]
  };
  i = 0
}
#define NOBODY MEMBERS

#ifdef MUTANT_PLUSONE
#define ENOUGH 1
#else
#define ENOUGH 2
#endif
/* Renewals that look at no intents say nothing of them. */
#ifdef MUTANT_NOSCAN
#define RENEWED_ENOUGH(w, m) false
#else
#define RENEWED_ENOUGH(w, m) (wait[w].renewed[m] >= ENOUGH)
#endif
#define WAITS_FOR(w, change, m) (wait[w].on[m] && !told[change].done[m] && !RENEWED_ENOUGH(w, m))
#if MEMBERS == 1
#define WAITS(w, change) WAITS_FOR(w, change, 0)
#else
#define WAITS(w, change) (WAITS_FOR(w, change, 0) || WAITS_FOR(w, change, 1))
#endif

/* Of one whose lease is over. */
inline fence(waiter, about, who) {
#if defined(MUTANT_NOFENCE)
  d_step {
    WAITS_FOR(waiter, about, who) && over[who] -> wait[waiter].on[who] = false
  }
#elif defined(MUTANT_NOREREAD)
  d_step {
    WAITS_FOR(waiter, about, who) && (over[who] || wait[waiter].renewed[who] > 0) -> wait[waiter].on[who] = false
  }
#elif defined(MUTANT_NEVERFENCE)
  false
#else
  d_step {
    WAITS_FOR(waiter, about, who) && over[who] -> wait[waiter].still[who] = true
  };
  d_step {
    if
#ifdef MUTANT_FENCEBLIND
    :: wait[waiter].on[who] -> strike_row(who)
#else
    :: wait[waiter].on[who] && wait[waiter].still[who] -> strike_row(who)
#endif
    :: else /* it is gone, or it has renewed meanwhile */
    fi
  }
#endif
}

inline stop_waiting(waiter) {
  for (i : 0 .. MEMBERS - 1) {
    wait[waiter].on[i] = false;
    wait[waiter].still[i] = false;
    wait[waiter].renewed[i] = 0
  };
  i = 0
}

/* Stores what it loads while it serves. A reader that finds the entry begins no load. */
proctype Load(byte m) {
  byte value;
  do
#ifdef VARIANT_PAST_STORES
  :: !kept[m] ->
#else
  :: serves[m] && !kept[m] ->
#endif
#ifdef MUTANT_GENLATE
     value = database;
     doomed[m] = false;
#else
     doomed[m] = false;
     value = database;
#endif
     d_step {
       if
       :: !doomed[m] ->
          kept[m] = true;
          kept_value[m] = value
       :: else
       fi;
       value = 0;
       doomed[m] = true /* there is none */
     }
  od
}

/* Reads from memory; the others read the database, each for himself. */
proctype Reader(byte m) {
  byte promised_before_read;
  do
#ifdef MUTANT_COARSE
  :: serves[m] -> /* when the turn of the loop began */
     promised_before_read = promised;
#else
  :: d_step {
       serves[m] -> promised_before_read = promised
     };
#endif
     d_step {
       if
       :: kept[m] -> assert(kept_value[m] >= promised_before_read)
       :: else
       fi;
       promised_before_read = 0
     }
  od
}

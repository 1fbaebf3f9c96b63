/*
 * What every model shares: the database, and what readers were promised.
 *
 * The database is the number of its last commit, and a snapshot is the number it saw; all commits change the one key
 * that is looked at. An invalidation that returns promises its commit: a read that begins later and gives a value of a
 * snapshot with a lower number is stale. `promised` is the highest such commit, which is all that need be known, since a
 * snapshot that has a commit has those before it.
 *
 * To have fewer states, a read begins in the step of its first action, and an invalidation returns in the step of its
 * last: between beginning and acting nothing happens that others see, and the earlier return and the later beginning
 * only promise more.
 */

byte database;
byte promised;

/* Both are for use within a step. */
inline commit(mine) {
  database++;
  mine = database
}

inline promise(mine) {
  if
  :: mine > promised -> promised = mine
  :: else
  fi
}

// Package git reads declarations from a git repository, without a worktree and without the git
// program, and tells outcomes back as git notes.
//
// In goes a Repo: a URL, a ref, a folder below it and two directories, one for the cache and one
// with credentials. Out come commits (Fetch, Ancestors), their trees as an fs.FS (Tree) and answers
// about history (IsAncestor, TreeHash). Dir gives a plain directory the same shape.
//
//	Fetch ──► refs (one request) ──► nothing new: done
//	              │
//	              └─► pack ──► spooled, looked over, indexed ──► Commit ──► Tree: fs.FS
//	                    ▲                                          │
//	Bring ──► heads of pull requests                               └─► Merge: what both would give
//
// Bring makes commits readable that the ref does not lead to, Merge writes the commit that merging one would give into
// the cache, and Signed takes a commit's signature out, byte for byte.
//
// What the repository holds is somebody else's input. Nothing of it becomes a path on this machine,
// an argument or a process: objects are read by hash, within Limits, and links, submodules and odd
// names are refused where they are met. The cache is disposable: damaged, full or worn out, it is
// made anew. Evaluating what was read is left to others.
package git

package git

import (
	"context"
	"os"
)

// fetchForEver is the child of TestKilledFetches.
func fetchForEver(url, cache string) {
	for {
		r := &Repo{URL: url, Ref: "main", Cache: cache}
		_, err := r.Fetch(context.Background())
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
		}
		_ = r.Close()
	}
}

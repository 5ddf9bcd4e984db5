package main

import (
	"fmt"
	"strconv"
	"strings"
)

// scene is what a round is measured on.
type scene struct {
	providers int
	clusters  int  // names of clusters, which all are one API server
	releases  int  // of helm; 0: it is left out
	wide      bool // the chart of 40 objects
}

// String is how a scene is told of, and asked for.
func (s scene) String() string {
	text := strconv.Itoa(s.providers)
	if s.clusters > 1 {
		text += "x" + strconv.Itoa(s.clusters)
	}
	return text
}

// parseScenes reads "100,1000,100x50": numbers of providers, and over how many clusters.
func parseScenes(text string) ([]scene, error) {
	var out []scene
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		providers, clusters, many := strings.Cut(part, "x")
		if !many {
			clusters = "1"
		}
		n, err := strconv.Atoi(providers)
		m, err2 := strconv.Atoi(clusters)
		if err != nil || err2 != nil || n < m || m < 1 || m > maxSites {
			return nil, fmt.Errorf("%q: want PROVIDERS or PROVIDERSxCLUSTERS, with at most %d clusters and a provider in each", part, maxSites)
		}
		out = append(out, scene{providers: n, clusters: m})
	}
	return out, nil
}

package kube

// busy says whether an action is in hand.
func (c *Cluster) busy() bool { return c.acting.Load() > 0 }

// take notes that an action is at a release, or not any more.
func (c *Cluster) take(key releaseKey, inHand bool) {
	c.mu.Lock()
	if c.hand == nil {
		c.hand = map[releaseKey]bool{}
	}
	if inHand {
		c.hand[key] = true
	} else {
		delete(c.hand, key)
	}
	c.mu.Unlock()
	c.touch(key)
}
